"""Which sessions run a variant of the bundle. Engines are imported when one is asked for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ctr_service.backend.engine_names import ONNX_RUNTIME, ONNX_RUNTIME_CUDA, OPENVINO
from ctr_service.errors import EngineUnavailableError

if TYPE_CHECKING:
    from ctr_service.backend.sessions import SessionsOpener


def sessions_opener(engine: str, precision: str) -> SessionsOpener:
    """Return what loads graphs into an engine; the gateway, exporter and benches all ask here.

    Args:
        engine: as the manifest names it.
        precision: as the manifest names it. An ONNX Runtime graph holds its own; OpenVINO runs one
            graph at several.

    Raises:
        EngineUnavailableError: this release has no such engine.
    """
    # Each engine is a large library: only what is asked for is loaded.
    if engine == ONNX_RUNTIME:
        from ctr_service.backend.onnx_session import open_onnx_sessions  # noqa: PLC0415 -- see above

        return open_onnx_sessions
    if engine == ONNX_RUNTIME_CUDA:
        from ctr_service.backend.onnx_session import CUDA_PROVIDERS, open_onnx_sessions  # noqa: PLC0415 -- see above

        return functools.partial(open_onnx_sessions, providers=CUDA_PROVIDERS)
    if engine == OPENVINO:
        from ctr_service.backend.openvino_session import open_openvino_sessions  # noqa: PLC0415 -- see above

        return functools.partial(open_openvino_sessions, precision=precision)
    raise EngineUnavailableError(f"this release runs {ONNX_RUNTIME} and {OPENVINO}, not {engine}")
