"""The part of the composition that faces callers: one gRPC server with everything on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from grpc_reflection.v1alpha import reflection

from ctr_service.bundle.template import Renderer
from ctr_service.server import health as health_service
from ctr_service.server.access import open_access
from ctr_service.server.decode import Decoder
from ctr_service.server.encode import encode_model
from ctr_service.server.gate import Gate
from ctr_service.server.health import HealthBoard
from ctr_service.server.lifecycle import Lifecycle
from ctr_service.server.listen import listen
from ctr_service.server.options import server_options
from ctr_service.server.probe_port import open_probe_port
from ctr_service.server.protocols import Shared, handlers_of, names_of
from ctr_service.server.servicer import Deadlines

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from ctr_service.bundle.bundle import Bundle
    from ctr_service.clock import Clock
    from ctr_service.plan import ServingPlan
    from ctr_service.server.edge import TracesCalls
    from ctr_service.server.item_cache import ItemCache
    from ctr_service.server.lifecycle import Sleep
    from ctr_service.server.servicer import Predicts
    from ctr_service.settings import Settings
    from ctr_service.telemetry.instruments import Instruments


@dataclass(frozen=True, slots=True)
class Facilities:
    """What the parts of the server share.

    Attributes:
        items: candidates that came before.
        traces: makes the calls' spans; None makes none.
        share_port: other workers listen on the port too.
    """

    clock: Clock
    sleep: Sleep
    new_request_id: Callable[[], str]
    instruments: Instruments
    log: FilteringBoundLogger
    items: ItemCache
    traces: TracesCalls | None = None
    share_port: bool = False


@dataclass(frozen=True, slots=True)
class BoundServer:
    """A server with its port, not started, and what opens and closes it.

    Attributes:
        background: runs beside the server for the length of the context.
        probes: answers health on a port of its own for the length of the context, if asked to.
    """

    server: grpc.aio.Server
    port: int
    lifecycle: Lifecycle
    background: contextlib.AbstractAsyncContextManager[object]
    probes: contextlib.AbstractAsyncContextManager[object]


def build_server(
    settings: Settings,
    bundle: Bundle,
    plan: ServingPlan,
    predictor: Predicts,
    facilities: Facilities,
) -> BoundServer:
    """Build the server and bind its port.

    Raises:
        SettingsError: the port cannot be had, or a file of TLS or of tokens is wrong.
    """
    clock = facilities.clock
    access = open_access(settings, clock, facilities.sleep, facilities.log)
    server = _bare_server(settings, share_port=facilities.share_port)
    gate = Gate(max_inside=settings.max_requests, clock=clock)
    names = names_of(open_inference=settings.open_inference)
    health = HealthBoard(("", *names))
    shared = Shared(
        gate=gate,
        callers=access.callers,
        health=health,
        decoder=Decoder(
            Renderer(bundle.manifest.template, bundle.manifest.features),
            items=facilities.items if settings.item_cache_bytes else None,
            by_id=settings.lets_bare_items_in,
        ),
        predictor=predictor,
        model=encode_model(bundle, graph_name=plan.graph_name),
        deadlines=Deadlines(settings.default_deadline_s, settings.max_deadline_s),
        instruments=facilities.instruments,
        clock=clock,
        new_request_id=facilities.new_request_id,
        log=facilities.log,
        traces=facilities.traces,
    )
    handlers = handlers_of(shared, open_inference=settings.open_inference)
    server.add_generic_rpc_handlers((*handlers, health.handler()))
    if settings.reflection:
        reflection.enable_server_reflection(
            (*names, health_service.SERVICE_NAME, reflection.SERVICE_NAME), server
        )
    lifecycle = _lifecycle(settings, facilities, server, gate, health)
    port = listen(
        server, settings.host, settings.port, access.credentials, share_port=facilities.share_port
    )
    probes = open_probe_port(
        health, settings.host, settings.health_port, share_port=facilities.share_port
    )
    return BoundServer(server, port, lifecycle, access.background, probes)


def _bare_server(settings: Settings, *, share_port: bool) -> grpc.aio.Server:
    return grpc.aio.server(
        options=server_options(
            max_message_bytes=settings.max_message_bytes,
            max_connection_age_s=settings.max_connection_age_s,
            max_requests=settings.max_requests,
            max_deadline_s=settings.max_deadline_s,
            share_port=share_port,
        )
    )


def _lifecycle(
    settings: Settings,
    facilities: Facilities,
    server: grpc.aio.Server,
    gate: Gate,
    health: HealthBoard,
) -> Lifecycle:
    return Lifecycle(
        server=server,
        gate=gate,
        health=health,
        observer=facilities.instruments,
        clock=facilities.clock,
        sleep=facilities.sleep,
        log=facilities.log,
        drain_delay_s=settings.drain_delay_s,
        grace_s=settings.grace_s,
    )
