"""Triton: `model.py` of the Python backend, which takes raw texts.

Two instances (processes) of one session each; Triton hands a list to whichever is free. No dynamic
batching: it was slower at the SLO. Runs in Triton's own environment.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import triton_python_backend_utils as pb_utils

# The backend's stub takes its path from the interpreter alone.
sys.path.insert(0, os.environ["PEER_CODE"])

from peers.common import Search
from peers.scorer import open_scorer

if TYPE_CHECKING:
    from peers.common import Features


class TritonPythonModel:
    """One instance. Triton calls it from one thread."""

    def initialize(self, _: dict[str, str]) -> None:
        """Load the graph."""
        self._scorer = open_scorer()

    def execute(self, requests: list[Any]) -> list[Any]:
        """Score each request by itself; without dynamic batching one comes at a time."""
        return [self._answer(_search_of(request)) for request in requests]

    def _answer(self, search: Search) -> Any:  # noqa: ANN401 -- Triton's module ships no types
        probabilities = np.array(self._scorer.score(search), dtype=np.float32)
        return pb_utils.InferenceResponse([pb_utils.Tensor("click_probability", probabilities)])


def _search_of(request: Any) -> Search:  # noqa: ANN401 -- Triton's module ships no types
    parameters = json.loads(request.parameters() or "{}")
    return Search(
        _texts(request, "query")[0],
        _texts(request, "title"),
        [json.loads(text) for text in _texts(request, "features")],
        _features(parameters.get("user_features")),
        _features(parameters.get("context_features")),
    )


def _texts(request: Any, name: str) -> list[str]:  # noqa: ANN401 -- Triton's module ships no types
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return [] if tensor is None else [text.decode() for text in tensor.as_numpy().tolist()]


def _features(text: str | None) -> Features:
    return json.loads(text) if text else {}
