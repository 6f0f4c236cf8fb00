"""What a bundle was made of, by what and on what."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_train.checkpoint import Checkpoint

TOOLS = ("ctr-serve", "torch", "transformers", "onnx", "onnxruntime", "tokenizers", "numpy")
OPTIONAL_TOOLS = ("openvino", "nncf")


def model_version(checkpoint: Checkpoint, tokenizer_sha256: str) -> str:
    """Return "w" and 12 hex digits that change with anything that changes a logit.

    They digest weights, model config, template, feature schema and tokenizer, so one checkpoint
    has one version, however often and wherever it is exported.
    """
    info = checkpoint.info
    parts = {
        "weights": checkpoint.weights_sha256,
        "config": info.files["config.json"],
        "template": info.template.model_dump(mode="json"),
        "features": info.features.model_dump(mode="json"),
        "tokenizer": tokenizer_sha256,
    }
    text = json.dumps(parts, sort_keys=True)
    return f"w{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def tool_versions() -> dict[str, str]:
    """Return the versions of what makes the bundle, by distribution name."""
    found = {"python": platform.python_version()}
    found |= {name: metadata.version(name) for name in TOOLS}
    for name in OPTIONAL_TOOLS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
