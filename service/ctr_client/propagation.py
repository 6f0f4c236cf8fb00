"""W3C trace context: the server's span becomes a child of the span that the frontend is in.

OpenTelemetry is never installed for it. Where a frontend has its API and a current span, calls
carry `traceparent` (and `tracestate`); everywhere else they carry nothing, and nothing is loaded.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_client.security import Metadata


def with_context(metadata: Metadata | None) -> Metadata | None:
    """Return a call's metadata with the current trace context added, if there is one."""
    inject = _injector()
    if inject is None:
        return metadata
    carrier: dict[str, str] = {}
    inject(carrier)
    return (*(metadata or ()), *carrier.items()) if carrier else metadata


@functools.cache
def _injector() -> Callable[[dict[str, str]], None] | None:
    try:
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 -- only where it is
            TraceContextTextMapPropagator,
        )
    except ImportError:
        return None
    return TraceContextTextMapPropagator().inject
