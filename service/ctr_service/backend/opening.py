"""Which sessions run a variant of the bundle. Engines are imported when one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.errors import EngineUnavailableError

if TYPE_CHECKING:
    from ctr_service.backend.sessions import SessionsOpener

ONNX_RUNTIME = "onnxruntime"


def sessions_opener(engine: str) -> SessionsOpener:
    """Return what loads graphs into an engine; the gateway, exporter and benches all ask here.

    Args:
        engine: as the manifest names it.

    Raises:
        EngineUnavailableError: this release has no such engine.
    """
    if engine == ONNX_RUNTIME:
        # Each engine is a large library: only the one that serves is loaded.
        from ctr_service.backend.onnx_session import open_onnx_sessions  # noqa: PLC0415 -- see above

        return open_onnx_sessions
    raise EngineUnavailableError(f"this release runs {ONNX_RUNTIME} only, not {engine}")
