"""Which processor this is: a bundle says on which its figures were measured."""

from __future__ import annotations

import platform
from pathlib import Path

CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
"""The instruction sets that decide which precision is fast."""
CPU_INFO = Path("/proc/cpuinfo")


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
