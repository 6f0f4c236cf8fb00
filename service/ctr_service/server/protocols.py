"""The services of the port: ctr.v1, and Open Inference when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from ctr_service.server.edge import Edge
from ctr_service.server.servicer import SERVICE_NAME, PredictionServicer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import grpc
    from structlog.typing import FilteringBoundLogger

    from ctr.v1 import prediction_pb2
    from ctr_service.clock import Clock
    from ctr_service.server.auth import IdentifiesCallers
    from ctr_service.server.decode import Decoder
    from ctr_service.server.edge import TracesCalls
    from ctr_service.server.gate import Gate
    from ctr_service.server.health import HealthBoard
    from ctr_service.server.open_inference_statistics import StatisticsBoard
    from ctr_service.server.servicer import Deadlines, Predicts
    from ctr_service.telemetry.instruments import Instruments

OPEN_INFERENCE = "inference.GRPCInferenceService"


@dataclass(frozen=True, slots=True)
class Shared:
    """What the protocols share: they differ in messages alone."""

    gate: Gate
    callers: IdentifiesCallers
    health: HealthBoard
    decoder: Decoder
    predictor: Predicts
    model: prediction_pb2.GetModelResponse
    deadlines: Deadlines
    instruments: Instruments
    clock: Clock
    new_request_id: Callable[[], str]
    log: FilteringBoundLogger
    traces: TracesCalls | None


def names_of(*, open_inference: bool) -> Sequence[str]:
    """Return the full names of the services."""
    return (SERVICE_NAME, OPEN_INFERENCE) if open_inference else (SERVICE_NAME,)


def handlers_of(
    shared: Shared, *, open_inference: bool
) -> Sequence[grpc.GenericRpcHandler[bytes, bytes]]:
    """Build the services."""
    return _both(shared) if open_inference else (_prediction(shared, shared.instruments),)


def _both(shared: Shared) -> Sequence[grpc.GenericRpcHandler[bytes, bytes]]:
    # Here, because the messages take 40 ms to import, and not every server wants them.
    from ctr_service.server.open_inference import (  # noqa: PLC0415 -- see above
        OpenInferenceServicer,
        Served,
    )
    from ctr_service.server.open_inference_statistics import (  # noqa: PLC0415 -- see above
        StatisticsBoard,
    )

    instruments = shared.instruments
    # Both protocols tell the board, because the statistics are the model's.
    board = StatisticsBoard(instruments, lambda: instruments.batches_run)
    servicer = OpenInferenceServicer(
        edge=_edge(shared, OPEN_INFERENCE, board),
        decoder=shared.decoder,
        predictor=shared.predictor,
        statistics=board,
        served=Served(shared.model, metadata.version("ctr-serve"), lambda: shared.health.serving),
        deadlines=shared.deadlines,
        clock=shared.clock,
        new_request_id=shared.new_request_id,
    )
    return (_prediction(shared, board), servicer.handler())


def _prediction(
    shared: Shared, observer: Instruments | StatisticsBoard
) -> grpc.GenericRpcHandler[bytes, bytes]:
    servicer = PredictionServicer(
        edge=_edge(shared, SERVICE_NAME, observer),
        decoder=shared.decoder,
        predictor=shared.predictor,
        observer=observer,
        model=shared.model,
        deadlines=shared.deadlines,
        clock=shared.clock,
        new_request_id=shared.new_request_id,
    )
    return servicer.handler()


def _edge(shared: Shared, service: str, observer: Instruments | StatisticsBoard) -> Edge:
    return Edge(
        service=service,
        gate=shared.gate,
        observer=observer,
        clock=shared.clock,
        log=shared.log,
        callers=shared.callers,
        traces=shared.traces,
    )
