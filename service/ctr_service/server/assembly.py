"""The part of the composition that faces callers: one gRPC server with everything on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from grpc_reflection.v1alpha import reflection

from ctr_service.server import health as health_service
from ctr_service.server.decode import Decoder
from ctr_service.server.edge import Edge
from ctr_service.server.encode import encode_model
from ctr_service.server.gate import Gate
from ctr_service.server.health import HealthBoard
from ctr_service.server.lifecycle import Lifecycle
from ctr_service.server.listen import listen
from ctr_service.server.options import server_options
from ctr_service.server.servicer import SERVICE_NAME, Deadlines, PredictionServicer

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from ctr_service.bundle.bundle import Bundle
    from ctr_service.clock import Clock
    from ctr_service.plan import ServingPlan
    from ctr_service.server.lifecycle import Sleep
    from ctr_service.server.servicer import Predicts
    from ctr_service.settings import Settings
    from ctr_service.telemetry.instruments import Instruments


@dataclass(frozen=True, slots=True)
class Facilities:
    """What the parts of the server share."""

    clock: Clock
    sleep: Sleep
    new_request_id: Callable[[], str]
    instruments: Instruments
    log: FilteringBoundLogger


@dataclass(frozen=True, slots=True)
class BoundServer:
    """A server with its port, not started, and what opens and closes it."""

    server: grpc.aio.Server
    port: int
    lifecycle: Lifecycle


def build_server(
    settings: Settings,
    bundle: Bundle,
    plan: ServingPlan,
    predictor: Predicts,
    facilities: Facilities,
) -> BoundServer:
    """Build the server and bind its port.

    Raises:
        SettingsError: the port cannot be had.
    """
    clock, instruments = facilities.clock, facilities.instruments
    server = grpc.aio.server(
        options=server_options(
            max_message_bytes=settings.max_message_bytes,
            max_connection_age_s=settings.max_connection_age_s,
        )
    )
    gate = Gate(max_inside=settings.max_requests, clock=clock)
    health = HealthBoard(("", SERVICE_NAME))
    servicer = PredictionServicer(
        edge=Edge(gate=gate, observer=instruments, clock=clock, log=facilities.log),
        decoder=Decoder(bundle.manifest.features),
        predictor=predictor,
        observer=instruments,
        model=encode_model(bundle, graph_name=plan.graph_name),
        deadlines=Deadlines(settings.default_deadline_s, settings.max_deadline_s),
        clock=clock,
        new_request_id=facilities.new_request_id,
    )
    server.add_generic_rpc_handlers((servicer.handler(), health.handler()))
    if settings.reflection:
        names = (SERVICE_NAME, health_service.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
    lifecycle = Lifecycle(
        server=server,
        gate=gate,
        health=health,
        observer=instruments,
        clock=clock,
        sleep=facilities.sleep,
        log=facilities.log,
        drain_delay_s=settings.drain_delay_s,
        grace_s=settings.grace_s,
    )
    return BoundServer(server, listen(server, settings.host, settings.port), lifecycle)
