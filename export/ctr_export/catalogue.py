"""The catalogue of graphs that are tried. Names only; `making.py` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_export.gate import Bits

PLAIN = "fp32"
"""The unfused float32 graph: what everything else is made from, and the one that must pass."""
FUSED = "fp32-fused"
TOKEN = "int8-token"  # noqa: S105 -- a token of text, no secret
STATIC = "int8-static"
DYNAMIC = "int8-dynamic"
ENGINE = "onnxruntime"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One kind of graph.

    Attributes:
        precision: its name in the manifest.
        bits: decides which limits of the gate hold.
        summary: what it is, for people.
    """

    precision: str
    bits: Bits
    summary: str


CATALOGUE = {
    candidate.precision: candidate
    for candidate in (
        Candidate(PLAIN, 32, "float32 as exported; always tried"),
        Candidate(FUSED, 32, "float32, fused by ONNX Runtime's optimizer"),
        Candidate(TOKEN, 8, "8-bit products, a scale for each token"),
        Candidate(STATIC, 8, "8-bit products, smoothed, scales fixed by held-out rows"),
        Candidate(DYNAMIC, 8, "8-bit products, one scale for a whole batch"),
    )
}
"""Precision -> candidate, the precise ones first: of equally fast graphs the first is chosen."""


def choose_candidates(names: Sequence[str]) -> tuple[Candidate, ...]:
    """Return the candidates of these names in the catalogue's order, the plain one always first.

    Raises:
        ExportError: a name is not in the catalogue.
    """
    unknown = sorted(set(names) - CATALOGUE.keys())
    if unknown:
        raise ExportError(
            f"no candidate is called {', '.join(unknown)}; there are {', '.join(CATALOGUE)}"
        )
    return tuple(c for name, c in CATALOGUE.items() if name in names or name == PLAIN)
