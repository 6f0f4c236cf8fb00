"""Which graph every server of a comparison runs: one that ONNX Runtime loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.bound.sessions import name_of, variant_of
from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from ctr_bench.bound.sessions import Choice
    from ctr_service.bundle.bundle import Bundle

ONNX_RUNTIME = "onnxruntime"


@dataclass(frozen=True, slots=True)
class Named:
    """A variant by its three names. Implements `Choice`."""

    graph: str
    engine: str
    precision: str


def onnxruntime_choice(bundle: Bundle) -> Choice:
    """Return the bundle's default, or its fastest graph for ONNX Runtime when that is another's.

    Raises:
        BenchError: the bundle has none.
    """
    default = bundle.manifest.default
    if default.engine == ONNX_RUNTIME:
        return default
    variants = bundle.manifest.graphs[default.graph].get(ONNX_RUNTIME, {})
    if not variants:
        raise BenchError(
            f"{bundle.folder} has no graph for ONNX Runtime, which is what the peers run; export "
            "it again without choosing engines"
        )
    fastest = max(variants, key=lambda precision: variants[precision].pairs_per_second)
    return Named(default.graph, ONNX_RUNTIME, fastest)


def graph_facts(bundle: Bundle, choice: Choice) -> dict[str, object]:
    """Return what identifies the graph and the bundle, as JSON takes it."""
    variant = variant_of(bundle, choice)
    return {
        "bundle": str(bundle.folder),
        "manifest_sha256": bundle.manifest_sha256,
        "model_version": bundle.manifest.model_version,
        "graph": name_of(choice),
        "graph_sha256": variant.sha256,
        "skips_padding": variant.skips_padding,
    }


def choice_named(name: str) -> Choice:
    """Return the variant of "graph/engine/precision"."""
    return Named(*name.split("/"))
