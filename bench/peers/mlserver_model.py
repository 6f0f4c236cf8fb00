"""MLServer: the runtime that `model-settings.json` names; served over its V2 gRPC.

Two parallel workers (processes), each one list at a time; adaptive batching, metrics and the access
log are off (`settings.json`, written by `ctr_bench.peers.mlserver`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from peers.common import Search
from peers.scorer import open_scorer

if TYPE_CHECKING:
    from peers.common import Features
    from peers.scorer import Scorer


class Scores(MLModel):  # type: ignore[misc]  # -- mlserver is not installed where types are checked
    """One worker process with one session. Its event loop has nothing else to do meanwhile."""

    _scorer: Scorer

    async def load(self) -> bool:
        """Load the graph, in the worker."""
        self._scorer = open_scorer()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Score one list of Open Inference tensors."""
        probabilities = self._scorer.score(_search_of(payload))
        output = ResponseOutput(
            name="click_probability",
            shape=[len(probabilities)],
            datatype="FP32",
            data=probabilities,
        )
        return InferenceResponse(model_name=self.name, outputs=[output])


def _search_of(payload: InferenceRequest) -> Search:
    texts = {tensor.name: StringCodec.decode_input(tensor) for tensor in payload.inputs}
    parameters = payload.parameters
    return Search(
        texts["query"][0],
        texts["title"],
        [json.loads(text) for text in texts.get("features", [])],
        _features(getattr(parameters, "user_features", None)),
        _features(getattr(parameters, "context_features", None)),
    )


def _features(text: str | None) -> Features:
    return json.loads(text) if text else {}
