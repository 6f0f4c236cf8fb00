"""The part of the composition that is watched: the metrics endpoint, and tracing."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from ctr_service.telemetry.call_spans import CallSpans
from ctr_service.telemetry.choice import Choice
from ctr_service.telemetry.endpoint import MetricsEndpoint
from ctr_service.telemetry.merged import labelled_registry
from ctr_service.telemetry.names import WORKER
from ctr_service.telemetry.span_metrics import SpanMetrics
from ctr_service.telemetry.span_records import Serves
from ctr_service.token_bucket import TokenBucket

if TYPE_CHECKING:
    import contextlib

    from ctr_service.bundle.bundle import Bundle
    from ctr_service.outside import Outside
    from ctr_service.plan import ServingPlan
    from ctr_service.settings import Settings
    from ctr_service.settings.otel import OtelVariables
    from ctr_service.telemetry.call_spans import ExportsSpans
    from ctr_service.telemetry.instruments import Instruments

EVERYWHERE = frozenset(("0.0.0.0", "::", "[::]"))  # noqa: S104 -- compared with, not listened on


def open_metrics(  # noqa: PLR0913, PLR0917 -- collaborators arrive by argument
    stack: contextlib.AsyncExitStack,
    settings: Settings,
    bundle: Bundle,
    plan: ServingPlan,
    instruments: Instruments,
    worker: str | None,
) -> int | None:
    """Tell what will serve, listen until the stack ends, and return the port; None without metrics.

    Raises:
        SettingsError: the port cannot be had.
    """
    instruments.model_loaded(
        name=bundle.manifest.model_name,
        version=bundle.manifest.model_version,
        graph=plan.graph_name,
        manifest_sha256=bundle.manifest_sha256,
        created_s=bundle.created_s,
    )
    instruments.limits_set(
        max_batch_tokens=plan.layout.max_batch_tokens, max_queued_tokens=settings.max_queued_tokens
    )
    if not settings.metrics:
        return None
    registry = instruments.registry
    if worker is not None:
        registry = labelled_registry(registry, {WORKER: worker})
    endpoint = MetricsEndpoint(registry, host=settings.metrics_host, port=settings.metrics_port)
    stack.callback(endpoint.close)
    return endpoint.port


async def open_tracing(  # noqa: PLR0913, PLR0917 -- collaborators arrive by argument
    stack: contextlib.AsyncExitStack,
    settings: Settings,
    bundle: Bundle,
    plan: ServingPlan,
    instruments: Instruments,
    outside: Outside,
) -> CallSpans | None:
    """Make what makes spans, closed when the stack ends; None when nobody wants any.

    Raises:
        SettingsError: a variable OTEL_* is wrong.
    """
    otel = outside.otel()
    if not settings.tracing or otel.sdk_disabled:
        return None
    metrics = SpanMetrics(otel.name)
    instruments.registry.register(metrics)
    extra = TokenBucket(settings.trace_extra_per_s, outside.clock)
    backend = plan.engine if plan.triton_target is None else "triton"
    spans = CallSpans(
        choice=Choice(settings.trace_ratio, settings.trace_slow_ms, extra),
        metrics=metrics,
        serves=Serves(bundle.manifest.model_version, plan.graph_name, backend),
        export=await asyncio.to_thread(_open_export, otel, instruments),
        clock=outside.clock,
        wall_ns=outside.wall_ns,
    )
    stack.push_async_callback(asyncio.to_thread, spans.close)
    return spans


def _open_export(otel: OtelVariables, instruments: Instruments) -> ExportsSpans | None:
    if otel.protocol is None:
        return None
    # Loaded when asked for, because the SDK takes 200 ms, and not every gateway has a Collector.
    from ctr_service.telemetry.tracing import open_export  # noqa: PLC0415 -- see above

    return open_export(otel, instruments.spans_told)


def instance_of(host: str, port: int, worker: str | None) -> str:
    """Return `service.instance.id`: where gRPC listens, and the worker if there are several."""
    address = f"{socket.gethostname() if host in EVERYWHERE else host}:{port}"
    return address if worker is None else f"{address}/{worker}"
