"""What a bundle was made of, by what and on what."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_train.checkpoint import Checkpoint

TOOLS = ("ctr-serve", "torch", "transformers", "onnx", "onnxruntime", "tokenizers", "numpy")
OPTIONAL_TOOLS = ("openvino", "nncf")
CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
"""The instruction sets that decide which precision is fast."""
CPU_INFO = Path("/proc/cpuinfo")


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


def cpu_name(info: Path = CPU_INFO) -> str:
    """Return the processor's name, family and model, and the instruction sets that matter.

    Args:
        info: `/proc/cpuinfo`; where it cannot be read, the machine's type is all that is said.
    """
    try:
        lines = info.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    fields = dict(_field(line) for line in lines if ":" in line)
    flags = set(fields.get("flags", "").split())
    name = fields.get("model name", platform.machine())
    numbers = "/".join(fields[key] for key in ("cpu family", "model") if key in fields)
    known = " ".join(flag for flag in CPU_FLAGS if flag in flags)
    return ", ".join(part for part in (name, numbers and f"family/model {numbers}", known) if part)


def _field(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key.strip(), value.strip()
