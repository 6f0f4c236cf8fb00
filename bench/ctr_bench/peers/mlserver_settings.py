"""The folder that `mlserver start` is given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WORKERS = 2


def write_settings(folder: Path, model: str, *, grpc_port: int, http_port: int) -> Path:
    """Write both files.

    Args:
        folder: an empty one.
        model: the model's name.
        grpc_port: where the load goes.
        http_port: MLServer opens it in any case.
    """
    settings = {
        "host": "127.0.0.1",
        "grpc_port": grpc_port,
        "http_port": http_port,
        "metrics_endpoint": None,
        "parallel_workers": WORKERS,
        "debug": False,
        "load_models_at_startup": True,
    }
    # No max_batch_size: adaptive batching is off, a worker takes one list at a time.
    model_settings = {"name": model, "implementation": "peers.mlserver_model.Scores"}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model_settings))
    return folder
