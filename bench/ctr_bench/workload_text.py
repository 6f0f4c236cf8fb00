"""Workloads as a person writes them: list sizes, ranges, shares and where searches come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MAX_CANDIDATES = 1_000
"""The contract's limit of a list."""
PRIORITIES: Mapping[str, int] = {
    "interactive": pb.PRIORITY_INTERACTIVE,
    "bulk": pb.PRIORITY_BULK,
}
SOURCES = ("synthetic", "csv", "log")
_RANGE = re.compile(r"^(\d+)\.\.(\d+)$")


@dataclass(frozen=True, slots=True)
class Sizes:
    """A distribution of whole numbers: values with their shares, which sum to 1."""

    values: tuple[int, ...]
    shares: tuple[float, ...]
    text: str

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw from it: int64 [count]."""
        return rng.choice(np.asarray(self.values), count, p=np.asarray(self.shares))


def parse_sizes(text: str) -> Sizes:
    """Read list sizes: `16`, `10..100` (evenly) or `16=0.7,64=0.3` (by share).

    Raises:
        BenchError: it is none of these, or a size is not within 1 to MAX_CANDIDATES.
    """
    found: dict[int, float] = {}
    if bounds := _RANGE.match(text):
        low, high = int(bounds[1]), int(bounds[2])
        found = dict.fromkeys(range(low, min(high, MAX_CANDIDATES + 1) + 1), 1.0)
    elif text.isdigit():
        found = {int(text): 1.0}
    else:
        for name, share in parse_shares(text, "--candidates").items():
            if not name.isdigit():
                raise BenchError(
                    "--candidates must be a size (16), a range (10..100) or sizes with their "
                    "shares (16=0.7,64=0.3)"
                )
            found[int(name)] = share
    if not found or min(found) < 1 or max(found) > MAX_CANDIDATES:
        raise BenchError(f"--candidates must lie within 1 and {MAX_CANDIDATES}")
    total = sum(found.values())
    return Sizes(tuple(found), tuple(share / total for share in found.values()), text)


def parse_range(text: str, option: str) -> tuple[int, int]:
    """Read `10..45`.

    Raises:
        BenchError: it is no range, or an empty one.
    """
    bounds = _RANGE.match(text)
    if bounds is None or not 1 <= int(bounds[1]) <= int(bounds[2]):
        raise BenchError(f"{option} must be a range such as 10..45")
    return int(bounds[1]), int(bounds[2])


def parse_shares(text: str, option: str) -> dict[str, float]:
    """Read `a=0.7,b=0.3`; shares are weights, so they need not sum to 1.

    Raises:
        BenchError: a part is no pair, or a share is not above 0.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        try:
            found[name.strip()] = float(share or 1.0)
        except ValueError:
            raise BenchError(f"{option}: the share of a part must be a number") from None
    if not all(np.isfinite(share) and share > 0 for share in found.values()):
        raise BenchError(f"{option}: every share must be above 0")
    return found


def parse_priorities(text: str) -> dict[int, float]:
    """Read `interactive=0.9,bulk=0.1`, or one name; weights by ctr.v1's number.

    Raises:
        BenchError: a name is no priority.
    """
    shares = parse_shares(text, "--priority")
    unknown = [name for name in shares if name not in PRIORITIES]
    if unknown:
        raise BenchError(f"--priority knows {' and '.join(PRIORITIES)}, not {unknown[0]!r}")
    return {PRIORITIES[name]: share for name, share in shares.items()}


def parse_source(text: str) -> tuple[str, Path | None]:
    """Read `synthetic`, `csv:FILE` or `log:FILE`.

    Raises:
        BenchError: it is none of them.
    """
    kind, _, name = text.partition(":")
    if kind not in SOURCES or bool(name) == (kind == "synthetic"):
        raise BenchError("--workload must be synthetic, csv:FILE or log:FILE")
    return kind, Path(name) if name else None


def draw_priorities(
    shares: Mapping[int, float], count: int, rng: np.random.Generator
) -> Sequence[int]:
    """Draw a priority for each of `count` messages."""
    weights = np.asarray(list(shares.values()))
    drawn: list[int] = rng.choice(list(shares), count, p=weights / weights.sum()).tolist()
    return drawn
