"""Whether this CPU's 8-bit products saturate, and how far weights may then go."""

from __future__ import annotations

from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
EXACT_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
"""x86 instructions that add products of 8 bits in 32. Without them two neighbours are added in 16
first (vpmaddubsw), and 2 x 255 x 127 does not fit: sums are cut, logits are off by over 1."""
WHOLE_RANGE, HALF_RANGE = 127, 63
"""2 x 255 x 63 = 32,130 fits in 16 bits."""


def weight_limit(info: Path = CPU_INFO) -> int:
    """Return the largest absolute value of an 8-bit weight: 127, or 63 where sums would saturate.

    Args:
        info: `/proc/cpuinfo`; where it cannot be read, or names no x86 vector instructions, nothing
            is known to saturate.
    """
    try:
        lines = info.read_text(encoding="utf-8").splitlines()
    except OSError:
        return WHOLE_RANGE
    flags: set[str] = set()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            flags.update(value.split())
    saturates = "avx2" in flags and not flags & EXACT_FLAGS
    return HALF_RANGE if saturates else WHOLE_RANGE
