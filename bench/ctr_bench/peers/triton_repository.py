"""The model repository of the peer Triton: its Python backend with raw texts in."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from ctr_bench.peers.environments import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CODE = ROOT / "bench" / "peers" / "triton_model.py"
INSTANCES = 2
INPUTS = {"query": 1, "title": -1, "item_id": -1, "features": -1}
"""Tensor of texts -> its size; -1 is one a candidate."""
OPTIONAL = frozenset({"item_id", "features"})
OUTPUT = "click_probability"


def write_repository(folder: Path, model: str) -> Path:
    """Write config and code.

    No `dynamic_batching` and no batch dimension: a request is one list, and goes to whichever
    instance is free.
    """
    config = model_config_pb2.ModelConfig(name=model, backend="python", max_batch_size=0)
    for name, size in INPUTS.items():
        config.input.add(
            name=name,
            data_type=model_config_pb2.TYPE_STRING,
            dims=[size],
            optional=name in OPTIONAL,
        )
    config.output.add(name=OUTPUT, data_type=model_config_pb2.TYPE_FP32, dims=[-1])
    config.instance_group.add(
        count=INSTANCES, kind=model_config_pb2.ModelInstanceGroup.Kind.KIND_CPU
    )
    version = folder / model / "1"
    version.mkdir(parents=True)
    shutil.copyfile(CODE, version / "model.py")
    (folder / model / "config.pbtxt").write_text(text_format.MessageToString(config))
    return folder
