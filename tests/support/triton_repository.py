"""Model repositories for the real Triton: a bundle's own, changed ones, one around any graph."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from ctr_export.triton.repository import add_repositories
from ctr_service.bundle.bundle import load_bundle, write_manifest
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MODEL = "ctr_joint"

MODEL_PY = """
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
        return pb_utils.InferenceResponse([pb_utils.Tensor("logits", logits)])
"""

CONFIG = """
name: "ctr_joint"
backend: "python"
max_batch_size: {max_rows}
input [
  {{ name: "input_ids" data_type: {ids_type} dims: [ -1 ] }},
  {{ name: "lengths" data_type: TYPE_INT32 dims: [ 1 ] reshape: {{ shape: [ ] }} }},
  {{ name: "first_lengths" data_type: TYPE_INT32 dims: [ 1 ] reshape: {{ shape: [ ] }} }}
]
output [ {{ name: "logits" data_type: TYPE_FP32 dims: [ 1 ] reshape: {{ shape: [ ] }} }} ]
instance_group [ {{ kind: KIND_CPU count: {instances} }} ]
dynamic_batching {{
  preferred_batch_size: [ 1 ]
  default_queue_policy {{
    default_timeout_microseconds: 10000000
    allow_timeout_override: true
    max_queue_size: {max_queue}
  }}
}}
"""
PARAMETER = 'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}\n'


@dataclass(frozen=True)
class Served:
    """What a repository shall say and do. `ids_type` is Triton's name of a dtype."""

    max_rows: int = 64
    instances: int = 2
    max_queue: int = 64
    ids_type: str = "TYPE_INT32"


def write_repository(
    folder: Path, graph: Path, parameters: Mapping[str, str], served: Served | None = None
) -> Path:
    """Write a repository with one model around an ONNX file; return its folder."""
    place = folder / MODEL
    (place / "1").mkdir(parents=True)
    shutil.copy(graph, place / "1" / "model.onnx")
    (place / "1" / "model.py").write_text(MODEL_PY)
    config = CONFIG.format(**asdict(served or Served()))
    config += "".join(PARAMETER.format(key=key, value=value) for key, value in parameters.items())
    (place / "config.pbtxt").write_text(config)
    return folder


def make_triton_bundle(folder: Path, **tiny: Any) -> Path:  # noqa: ANN401 -- of make_tiny_bundle
    """Write the tiny bundle with the exporter's `triton/` folder; return it."""
    make_tiny_bundle(folder, **tiny)
    write_manifest(folder, add_repositories(folder, load_bundle(folder).manifest))
    return folder


def repository_of(bundle: Path) -> Path:
    """Return the repository of the target that runs on a CPU."""
    return bundle / "triton" / "cpu"


def changed_repository(
    folder: Path, bundle: Path, change: Callable[[model_config_pb2.ModelConfig], None]
) -> Path:
    """Copy a bundle's repository with another config, no warm-up, and code that minds nothing."""
    shutil.copytree(repository_of(bundle), folder)
    path = folder / MODEL / "config.pbtxt"
    config = text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
    del config.model_warmup[:]
    change(config)
    path.write_text(text_format.MessageToString(config))
    (folder / MODEL / "1" / "model.py").write_text(MODEL_PY)
    return folder


def other_parameter(name: str) -> Callable[[model_config_pb2.ModelConfig], None]:
    """Change one parameter."""

    def change(config: model_config_pb2.ModelConfig) -> None:
        config.parameters[name].string_value = "other"

    return change


def wide_ids(config: model_config_pb2.ModelConfig) -> None:
    """Take ids of 64 bits."""
    config.input[0].data_type = model_config_pb2.TYPE_INT64


def few_rows(config: model_config_pb2.ModelConfig) -> None:
    """Take less rows than the gateway packs."""
    config.max_batch_size = 4


def one_instance(config: model_config_pb2.ModelConfig) -> None:
    """One batch at a time."""
    config.instance_group[0].count = 1


def narrow(config: model_config_pb2.ModelConfig) -> None:
    """One instance, and room for one request in its queue."""
    one_instance(config)
    config.dynamic_batching.default_queue_policy.max_queue_size = 1
