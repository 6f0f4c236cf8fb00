"""The servicer over a real channel: what a good call gets, and what a bad one."""

from __future__ import annotations

import pytest

from ctr.v1 import prediction_pb2 as pb
from ctr_service.server.servicer import Deadlines
from tests.support.grpc_server import GET_MODEL, PREDICT, raw_method
from tests.support.servicer_world import ServicerWorld, a_search, failed, predict

NS_PER_S = 1_000_000_000


async def test_an_answer_comes_back_in_order() -> None:
    """A search is answered in the request's order, with the model's name and the caller's id."""
    world = ServicerWorld()
    async with world.channel() as channel:
        answer = await predict(channel, a_search(request_id="mine"))
    assert [p.item_id for p in answer.predictions] == ["b", "a"]
    assert (answer.request_id, answer.model_name, answer.model_version) == ("mine", "tiny", "t1")
    assert world.heard.calls == [("PredictClicks", "OK", None)]
    assert (world.heard.in_flight, world.heard.answers) == (0, 1)


async def test_a_request_without_id_gets_one() -> None:
    """The server makes an id when the caller sends none."""
    world = ServicerWorld()
    async with world.channel() as channel:
        answer = await predict(channel, a_search())
    assert answer.request_id == "made-here"


@pytest.mark.parametrize(
    ("timeout_s", "low_s", "high_s"),
    # gRPC itself tells a server up to 1.1 ms more than the caller gave: it counts whole ones.
    [(None, 0.9, 1.0), (0.5, 0.3, 0.502), (60, 9.9, 10.0)],
)
async def test_the_callers_deadline_is_the_requests(
    timeout_s: float | None, low_s: float, high_s: float
) -> None:
    """No deadline means 1 s, a short one is kept, a long one is cut to 10 s."""
    world = ServicerWorld()
    async with world.channel() as channel:
        began_ns = world.clock.now_ns()
        await predict(channel, a_search(), timeout_s)
        ended_ns = world.clock.now_ns()
    deadline_ns = world.predictor.requests[0].deadline_ns
    assert deadline_ns >= began_ns + low_s * NS_PER_S
    assert deadline_ns <= ended_ns + high_s * NS_PER_S


@pytest.mark.parametrize(
    ("remaining_s", "budget_ns"),
    [(None, NS_PER_S), (0.5, NS_PER_S // 2), (-0.1, -NS_PER_S // 10), (60.0, 10 * NS_PER_S)],
)
def test_what_grpc_tells_is_the_budget_to_the_nanosecond(
    remaining_s: float | None, budget_ns: int
) -> None:
    """Nothing is added to what is left, nor taken off, between the default and the longest."""
    assert Deadlines(default_s=1.0, max_s=10.0).budget_ns(remaining_s) == budget_ns


@pytest.mark.parametrize("raw", [b"\xff\xff", b"\x12\x02\xff\xfe"])
@pytest.mark.parametrize("method", [PREDICT, GET_MODEL])
async def test_malformed_bytes_are_invalid_not_unknown(raw: bytes, method: str) -> None:
    """Bytes that do not parse get INVALID_ARGUMENT with a reason, on both methods."""
    raw = raw if method == PREDICT else b"\x0a\x04\x0a\x02\xff\xfe"
    world = ServicerWorld()
    async with world.channel() as channel:
        assert await failed(channel, raw, method) == ("INVALID_ARGUMENT", "MALFORMED_REQUEST")


@pytest.mark.parametrize("field", ["name", "version"])
async def test_another_model_is_not_found(field: str) -> None:
    """Asking for a model or version that does not serve is NOT_FOUND, on both methods."""
    world = ServicerWorld()
    ref = pb.ModelRef(**{field: "other"})
    message = a_search()
    message.model.CopyFrom(ref)
    model = pb.GetModelRequest(model=ref).SerializeToString()
    async with world.channel() as channel:
        outcome = await failed(channel, message.SerializeToString())
        assert outcome == ("NOT_FOUND", "MODEL_NOT_FOUND")
        assert await failed(channel, model, GET_MODEL) == outcome
    assert world.predictor.requests == []


async def test_get_model_describes_the_model() -> None:
    """GetModel answers what the servicer was given."""
    world = ServicerWorld()
    async with world.channel() as channel:
        raw = await raw_method(channel, GET_MODEL)(b"")
    assert pb.GetModelResponse.FromString(raw).name == "tiny"
