"""What a reader must know to judge the figures: the machine, every version, every setting."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]  # -- ships no types

from ctr_bench.peers.environments import pins_of, triton_pins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_bench.peers.targets import Target

ENGINE_PINS = ("onnxruntime", "tokenizers", "numpy", "grpcio", "aiohttp")
CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8")
CPU_INFO = Path("/proc/cpuinfo")


def facts_of(targets: Sequence[Target]) -> dict[str, object]:
    """Return them, as JSON takes them."""
    return {
        "fingerprint": fingerprint(),
        "versions": {name: metadata.version(name) for name in ("ctr-serve", *ENGINE_PINS)},
        "peers": {target.name: _peer(target) for target in targets},
    }


def fingerprint(info: Path = CPU_INFO) -> Mapping[str, object]:
    """Return what of the machine decides the figures."""
    fields: dict[str, str] = {}
    if info.is_file():
        for line in info.read_text().splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    flags = set(fields.get("flags", "").split())
    return {
        "cpu": fields.get("model name", platform.machine()),
        "cpu_family_model": f"{fields.get('cpu family', '?')}/{fields.get('model', '?')}",
        "cpu_flags": [flag for flag in CPU_FLAGS if flag in flags],
        "cpus": len(os.sched_getaffinity(0)),
        "memory_mb": psutil.virtual_memory().total // 1_000_000,
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _peer(target: Target) -> Mapping[str, object]:
    found: dict[str, object] = {"wire": target.wire, "settings": target.settings}
    if target.environment:
        pins = pins_of(target.environment)
        wanted = (target.environment, *ENGINE_PINS)
        found["versions"] = {name: pins[name] for name in wanted if name in pins}
    elif target.name == "triton":
        found["versions"] = triton_pins()
    return found
