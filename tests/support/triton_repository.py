"""A model repository for the real Triton from a bundle: the CPU target by hand.

The model runs in Triton's Python backend and opens an ONNX Runtime session on the bundle's graph.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ctr_service.bundle.bundle import load_bundle

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "ctr_joint"

MODEL_PY = '''
import json
import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils
from pathlib import Path

NAMES = ("input_ids", "lengths", "first_lengths")


class TritonPythonModel:
    def initialize(self, args):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        try:
            arrays = [pb_utils.get_input_tensor_by_name(request, n).as_numpy() for n in NAMES]
            rows = len(arrays[0])
            feed = {n: a if n == "input_ids" else a.reshape(rows) for n, a in zip(NAMES, arrays)}
            (logits,) = self.session.run(["logits"], feed)
        except Exception as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(type(error).__name__))
        logits = np.ascontiguousarray(logits.reshape(rows, 1), dtype=np.float32)
        return pb_utils.InferenceResponse([pb_utils.Tensor("logits", logits)])
'''

CONFIG = """
name: "{model}"
backend: "python"
max_batch_size: {max_rows}
input [
  {{ name: "input_ids" data_type: TYPE_INT32 dims: [ -1 ] }},
  {{ name: "lengths" data_type: {lengths_type} dims: [ 1 ] reshape: {{ shape: [ ] }} }},
  {{ name: "first_lengths" data_type: TYPE_INT32 dims: [ 1 ] reshape: {{ shape: [ ] }} }}
]
output [
  {{ name: "logits" data_type: TYPE_FP32 dims: [ 1 ] }}
]
instance_group [ {{ kind: KIND_CPU count: {instances} }} ]
dynamic_batching {{
  max_queue_delay_microseconds: 0
  default_queue_policy {{
    timeout_action: REJECT
    default_timeout_microseconds: 1000000
    allow_timeout_override: true
    max_queue_size: {max_queue}
  }}
}}
parameters {{ key: "ctr_model_version" value: {{ string_value: "{version}" }} }}
parameters {{ key: "ctr_graph_sha256" value: {{ string_value: "{sha256}" }} }}
parameters {{ key: "ctr_precision" value: {{ string_value: "{precision}" }} }}
parameters {{ key: "ctr_engine" value: {{ string_value: "{engine}" }} }}
"""


def make_repository(folder: Path, bundle: Path, *, instances: int = 2, max_queue: int = 64) -> Path:
    b = load_bundle(bundle)
    d = b.manifest.default
    v = b.manifest.variant(d.graph, d.engine, d.precision)
    place = folder / MODEL
    (place / "1").mkdir(parents=True)
    shutil.copy(b.path_of(v), place / "1" / "model.onnx")
    (place / "1" / "model.py").write_text(MODEL_PY)
    layout = b.manifest.layout
    (place / "config.pbtxt").write_text(CONFIG.format(
        model=MODEL, max_rows=max(1, layout.max_batch_tokens // layout.buckets_tokens[0]),
        instances=instances, max_queue=max_queue, lengths_type="TYPE_INT32",
        version=b.manifest.model_version, sha256=v.sha256, precision=d.precision, engine=d.engine))
    return folder
