"""`model.py` of the CPU target: ONNX Runtime inside Triton's Python backend.

For a Triton without the onnxruntime backend, such as the one that the tests start. It runs in
Triton's own environment: only numpy, onnxruntime and Triton's module may be imported here.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils

GRAPH_FILE = "model.onnx"
INPUTS = ("input_ids", "lengths", "first_lengths")
OUTPUT = "logits"
PROVIDERS = ["CPUExecutionProvider"]


class TritonPythonModel:
    """One instance: a session of its own. Triton calls it from one thread."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the graph, and refuse one that is not what the config says.

        Args:
            args: Triton's; `model_repository` is the model's folder.

        Raises:
            TritonModelException: the digest or the signature is another one.
        """
        parameters = json.loads(args["model_config"])["parameters"]
        path = Path(args["model_repository"]) / args["model_version"] / GRAPH_FILE
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != parameters["ctr_graph_sha256"]["string_value"]:
            raise pb_utils.TritonModelException(
                f"{GRAPH_FILE} does not match ctr_graph_sha256 of the config: it was changed or cut"
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = int(parameters["ctr_threads"]["string_value"])
        options.inter_op_num_threads = 1
        # A spinning thread burns the core that the next batch, or a neighbour, needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(str(path), options, providers=PROVIDERS)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Run the requests as one batch; one answer a request.

        While serving that is one request, because the gateway forms the batches. A warm-up sample
        of n rows comes as n requests of one row.

        Args:
            requests: Triton's; INPUTS int32 [rows, length], [rows], [rows], of one length.
        """
        parts = [_tensors(request) for request in requests]
        tensors = {name: np.concatenate([part[name] for part in parts]) for name in INPUTS}
        logits = self._session.run([OUTPUT], tensors)[0]
        ends = np.cumsum([len(part[INPUTS[0]]) for part in parts])[:-1]
        return [
            pb_utils.InferenceResponse([pb_utils.Tensor(OUTPUT, np.ascontiguousarray(rows))])
            for rows in np.split(logits, ends)
        ]


def _tensors(request: Any) -> dict[str, Any]:  # noqa: ANN401 -- Triton's module ships no types
    found = {n: pb_utils.get_input_tensor_by_name(request, n).as_numpy() for n in INPUTS}
    rows = len(found[INPUTS[0]])
    # A row's length is a number, but Triton knows no tensor without dimensions and sends [rows, 1].
    return {n: a if n == INPUTS[0] else a.reshape(rows) for n, a in found.items()}
