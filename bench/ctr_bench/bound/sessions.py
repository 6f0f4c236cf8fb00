"""The default graph in the very sessions that serve it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_service.backend.onnx_session import OnnxSession

if TYPE_CHECKING:
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.bundle.manifest import GraphVariant


def default_variant(bundle: Bundle) -> GraphVariant:
    """Return the variant that serves unless somebody says otherwise."""
    choice = bundle.manifest.default
    return bundle.manifest.variant(choice.graph, choice.engine, choice.precision)


def default_name(bundle: Bundle) -> str:
    """Return graph, engine and precision of it, as GetModel says them."""
    choice = bundle.manifest.default
    return f"{choice.graph}/{choice.engine}/{choice.precision}"


def open_session(bundle: Bundle, threads: int) -> OnnxSession:
    """Load the default graph.

    Raises:
        BenchError: its engine is one that the bound cannot run.
    """
    if bundle.manifest.default.engine != "onnxruntime":
        raise BenchError(
            f"the raw bound runs onnxruntime graphs; the bundle's default is "
            f"{default_name(bundle)}; export it with an onnxruntime default"
        )
    return OnnxSession(bundle.path_of(default_variant(bundle)), threads=threads)
