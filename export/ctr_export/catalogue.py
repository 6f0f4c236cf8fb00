"""The catalogue of graphs that are tried. Names only; `making.py` makes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctr_export.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_export.gate import Bits

PLAIN = "fp32"
"""The unfused float32 graph: what everything else is made from, and the one that must pass."""
UNPADDED = "fp32-unpadded"
"""The float32 graph that skips its padding; what all but the plain and the fused one are made from,
where the model's kind is known. Of other kinds there is none, and the plain one is in its place."""
FUSED = "fp32-fused"
TOKEN = "int8-token"  # noqa: S105 -- a token of text, no secret
STATIC = "int8-static"
DYNAMIC = "int8-dynamic"
BF16 = "bf16"
STATIC_BF16 = "int8-static-bf16"
ONNX_RUNTIME = "onnxruntime"
OPENVINO = "openvino"
IR_SUFFIX, WEIGHTS_SUFFIX = ".xml", ".bin"
"""OpenVINO's own format: it finds the weights beside the graph, by the same name."""


def name_of(engine: str, precision: str) -> str:
    """Return what people call a graph; ONNX Runtime, the usual engine, is not said."""
    return precision if engine == ONNX_RUNTIME else f"{engine}/{precision}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One kind of graph on one engine.

    Attributes:
        engine, precision: its names in the manifest.
        bits: decides which limits of the gate hold.
        summary: what it is, for people.
        runs: name of the candidate whose file it runs, where that is not a file of its own.
    """

    engine: str
    precision: str
    bits: Bits
    summary: str
    runs: str = ""

    @property
    def name(self) -> str:
        """What `--candidates` and the table call it."""
        return name_of(self.engine, self.precision)

    @property
    def file(self) -> str:
        """Name of the candidate whose file it runs: itself, unless `runs` says otherwise."""
        return self.runs or self.name


OPENVINO_FP32 = f"{OPENVINO}/{PLAIN}"
OPENVINO_BF16 = f"{OPENVINO}/{BF16}"
OPENVINO_STATIC = f"{OPENVINO}/{STATIC}"
OPENVINO_STATIC_BF16 = f"{OPENVINO}/{STATIC_BF16}"

CATALOGUE = {
    candidate.name: candidate
    for candidate in (
        Candidate(ONNX_RUNTIME, PLAIN, 32, "float32 as exported; always tried"),
        Candidate(ONNX_RUNTIME, UNPADDED, 32, "float32 that skips padding"),
        Candidate(ONNX_RUNTIME, FUSED, 32, "float32, fused by ONNX Runtime's optimizer"),
        Candidate(OPENVINO, PLAIN, 32, "float32 on OpenVINO", runs=UNPADDED),
        Candidate(OPENVINO, BF16, 16, "bfloat16 on OpenVINO", runs=UNPADDED),
        Candidate(ONNX_RUNTIME, TOKEN, 8, "8-bit products, a scale for each token"),
        Candidate(
            ONNX_RUNTIME, STATIC, 8, "8-bit products, smoothed, scales fixed by held-out rows"
        ),
        Candidate(ONNX_RUNTIME, DYNAMIC, 8, "8-bit products, one scale for a whole batch"),
        Candidate(OPENVINO, STATIC, 8, "8-bit on OpenVINO, scales fixed by NNCF on held-out rows"),
        Candidate(
            OPENVINO, STATIC_BF16, 8, "the same, bfloat16 between its products", OPENVINO_STATIC
        ),
    )
}
"""Name -> candidate, the precise ones first: of equally fast graphs the first is chosen. Of equal
precision ONNX Runtime's come first, which need no other install."""


def choose_candidates(names: Sequence[str]) -> tuple[Candidate, ...]:
    """Return the candidates of these names in the catalogue's order, the plain one always first.

    Args:
        names: as in the catalogue; ONNX Runtime may be said too, as in `onnxruntime/fp32`.

    Raises:
        ExportError: a name is not in the catalogue.
    """
    asked = {name.removeprefix(f"{ONNX_RUNTIME}/") for name in names}
    unknown = sorted(asked - CATALOGUE.keys())
    if unknown:
        raise ExportError(
            f"no candidate is called {', '.join(unknown)}; there are {', '.join(CATALOGUE)}"
        )
    return tuple(c for name, c in CATALOGUE.items() if name in asked or name == PLAIN)


def without_unpadded(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates for a model of which there is no graph that skips padding."""
    return tuple(
        replace(one, runs=PLAIN) if one.file == UNPADDED else one
        for one in candidates
        if one.name != UNPADDED
    )
