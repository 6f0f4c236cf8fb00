"""The longest lists over gRPC: complete where there is time, honestly partial where not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog

from ctr.v1 import error_reason_pb2
from ctr.v1 import prediction_pb2 as pb
from ctr_client.aio_client import AsyncPredictionClient
from ctr_client.messages import Item, search
from ctr_client.options import ClientOptions
from ctr_service.app import App
from ctr_service.backend.base import Cost
from ctr_service.backend.scripted import ScriptedBackend, sleeping_script
from ctr_service.outside import Outside
from ctr_service.scoring import Engine
from ctr_service.settings import load_settings
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_service.engine_order import EngineOrder

TOKEN_S = 50e-6
"""So 1,000 rows of 32 tokens take 1.6 s on one slot."""
MANY_S, FEW_S = 9.0, 1.0
EARLY_S = 0.5
"""The answer is begun so much before the deadline: CI's machine may be busy."""


def open_slow_engine(order: EngineOrder) -> Engine:
    """One slot that takes a known time a token."""
    backend = ScriptedBackend(
        slots=1,
        clock=order.clock,
        script=sleeping_script(lambda rows, bucket: rows * bucket * TOKEN_S),
    )

    async def warm_up() -> tuple[Cost, ...]:
        return tuple(Cost(bucket, rows, bucket * rows * TOKEN_S) for bucket, rows in SHAPES)

    return Engine(backend, warm_up)


SHAPES = ((32, 1), (32, 32), (64, 16), (160, 6))


def a_list(items: int) -> pb.PredictClicksRequest:
    """A search whose last item ranks first."""
    return search(
        "mug",
        [Item(str(n), f"m{n}", rank=items - n, prior_score=0.125) for n in range(items)],
    )


@pytest.mark.parametrize("items", [500, 1_000])
@pytest.mark.parametrize("deadline_s", [MANY_S, FEW_S])
async def test_a_long_list_is_answered_within_its_deadline(
    items: int, deadline_s: float, tmp_path: Path
) -> None:
    """Every item has an answer in its place; what could not be scored says so, worst ranks first.

    That the call ends well is the claim about time: the caller's own deadline would have ended it.
    """
    bundle = make_tiny_bundle(tmp_path / "bundle")
    flags = {"bundle": bundle, "port": 0, "metrics": False, "reserve_s": EARLY_S}
    log = structlog.testing.CapturingLogger()
    app = App(load_settings(flags), log=log, outside=Outside(open_engine=open_slow_engine))
    once = ClientOptions(max_attempts=1)
    async with app, AsyncPredictionClient(f"127.0.0.1:{app.port}", once) as client:
        answer = await client.predict_clicks(a_list(items), deadline_s=deadline_s)
    assert [p.item_id for p in answer.predictions] == [str(n) for n in range(items)]
    scored = [p.status == pb.PREDICTION_STATUS_SCORED for p in answer.predictions]
    needs_s = items * SHAPES[0][0] * TOKEN_S
    assert all(scored) == (needs_s < deadline_s - EARLY_S)
    assert answer.degraded == (not all(scored))
    assert any(scored)
    for prediction, has_score in zip(answer.predictions, scored, strict=True):
        if has_score:
            continue
        assert prediction.status == pb.PREDICTION_STATUS_FALLBACK
        assert prediction.source == pb.PREDICTION_SOURCE_PRIOR
        assert prediction.reason in {
            error_reason_pb2.ERROR_REASON_OVERLOADED,
            error_reason_pb2.ERROR_REASON_DEADLINE_EXCEEDED,
        }
    shed = [p.reason == error_reason_pb2.ERROR_REASON_OVERLOADED for p in answer.predictions]
    assert shed == sorted(shed, reverse=True), "the worst ranks are the ones left out"
