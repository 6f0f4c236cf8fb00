"""What a reader must know to judge the figures: the machine, every version, every setting."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from ctr_bench.fingerprint import CPU_INFO, fingerprint
from ctr_bench.peers.environments import pins_of, triton_pins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ctr_bench.peers.targets import Target

ENGINE_PINS = ("onnxruntime", "tokenizers", "numpy", "grpcio", "aiohttp")
CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8")


def facts_of(targets: Sequence[Target]) -> dict[str, object]:
    """Return them, as JSON takes them."""
    return {
        "fingerprint": {**fingerprint(), "cpu_flags": cpu_flags()},
        "versions": {name: metadata.version(name) for name in ("ctr-serve", *ENGINE_PINS)},
        "peers": {target.name: _peer(target) for target in targets},
    }


def cpu_flags(info: Path = CPU_INFO) -> list[str]:
    """Return the instructions that decide how fast an 8-bit graph is, those that are here."""
    lines = info.read_text().splitlines() if info.is_file() else []
    named = next((line for line in lines if line.startswith("flags")), "")
    flags = set(named.partition(":")[2].split())
    return [flag for flag in CPU_FLAGS if flag in flags]


def _peer(target: Target) -> Mapping[str, object]:
    found: dict[str, object] = {"protocol": target.protocol, "settings": target.settings}
    if target.environment:
        pins = pins_of(target.environment)
        wanted = (target.environment, *ENGINE_PINS)
        found["versions"] = {name: pins[name] for name in wanted if name in pins}
    elif target.name == "triton":
        found["versions"] = triton_pins()
    return found
