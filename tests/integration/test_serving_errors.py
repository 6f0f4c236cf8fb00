"""Bad input to the real process: a clear error each, and no user text anywhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, cast

import grpc
import pytest

from ctr.v1 import error_reason_pb2
from ctr.v1 import prediction_pb2 as pb
from ctr_client.client import PredictionClient
from ctr_client.errors import PredictionError, details_of
from ctr_client.messages import Item, search
from tests.support.gateway import Gateway, running_gateway
from tests.support.grpc_server import PREDICT
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_client.errors import Details, Trailing

CANARY = "canary7391"
DEADLINE_S = 10.0
GOOD = Item(f"{CANARY}-id", f"{CANARY} mug", features={"price": 3.5, "brand": CANARY})


class World(NamedTuple):
    """One gateway for all tests of this file, and a client of it."""

    gateway: Gateway
    client: PredictionClient


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A gateway that logs as much as it can."""
    bundle = make_tiny_bundle(tmp_path_factory.mktemp("errors") / "bundle")
    with (
        running_gateway(bundle, "--log-level", "debug") as gateway,
        PredictionClient(gateway.target) as client,
    ):
        yield World(gateway, client)


@pytest.fixture(autouse=True)
def _lives_on_and_says_nothing(world: World) -> Iterator[None]:
    """After every test the gateway serves, and no text that was sent is in its output."""
    yield
    answer = world.client.predict_clicks(a_search(GOOD), deadline_s=DEADLINE_S)
    assert [p.status for p in answer.predictions] == [pb.PREDICTION_STATUS_SCORED]
    assert world.gateway.process.poll() is None
    for said in (world.gateway.everything_said, world.gateway.metrics()):
        assert CANARY not in said


def a_search(*items: Item, query: str = f"{CANARY} query") -> pb.PredictClicksRequest:
    """A search full of texts that must not be repeated."""
    return search(
        query,
        items,
        request_id=f"{CANARY}-request",
        user_id=f"{CANARY}-user",
        user={"segment": CANARY},
    )


def changed(**fields: object) -> pb.PredictClicksRequest:
    """A good search with other fields."""
    message = a_search(GOOD)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def with_context(**features: pb.FeatureValue) -> pb.PredictClicksRequest:
    """A good search with context features."""
    message = a_search(GOOD)
    for name, value in features.items():
        message.context_features[name].CopyFrom(value)
    return message


def with_number_for_a_segment() -> pb.PredictClicksRequest:
    """A good search whose user's segment is no text."""
    message = a_search(GOOD)
    message.user.features["segment"].number = 3
    return message


def with_model(**fields: str) -> pb.PredictClicksRequest:
    """A good search that asks for a model."""
    message = a_search(GOOD)
    message.model.CopyFrom(pb.ModelRef(**fields))
    return message


@pytest.mark.parametrize(
    ("message", "code", "reason", "metadata"),
    [
        pytest.param(
            a_search(),
            "INVALID_ARGUMENT",
            "NO_CANDIDATES",
            {"field": "candidates", "limit": "1", "size": "0"},
            id="no-candidates",
        ),
        pytest.param(
            a_search(*(Item(str(n), "mug") for n in range(1001))),
            "INVALID_ARGUMENT",
            "TOO_MANY_CANDIDATES",
            {"field": "candidates", "limit": "1000", "size": "1001"},
            id="too-many-candidates",
        ),
        pytest.param(
            changed(query=CANARY * 26),
            "INVALID_ARGUMENT",
            "TEXT_TOO_LONG",
            {"field": "query", "limit": "256", "size": "260"},
            id="long-query",
        ),
        pytest.param(
            changed(request_id=CANARY * 13),
            "INVALID_ARGUMENT",
            "ID_TOO_LONG",
            {"field": "request_id", "limit": "128", "size": "130"},
            id="long-request-id",
        ),
        pytest.param(
            with_context(hour=pb.FeatureValue(number=math.nan)),
            "INVALID_ARGUMENT",
            "NUMBER_NOT_FINITE",
            {"field": "context_features[hour]"},
            id="nan-context",
        ),
        pytest.param(
            with_context(hour=pb.FeatureValue(text=CANARY)),
            "INVALID_ARGUMENT",
            "FEATURE_TYPE_MISMATCH",
            {"field": "context_features[hour]", "limit": "number", "size": "text"},
            id="text-for-a-number",
        ),
        pytest.param(
            with_number_for_a_segment(),
            "INVALID_ARGUMENT",
            "FEATURE_TYPE_MISMATCH",
            {"field": "user.features[segment]", "limit": "text", "size": "number"},
            id="number-for-a-text",
        ),
        pytest.param(
            with_model(name=CANARY),
            "NOT_FOUND",
            "MODEL_NOT_FOUND",
            {"field": "model.name"},
            id="unknown-model",
        ),
        pytest.param(
            with_model(name="tiny", version=CANARY),
            "NOT_FOUND",
            "MODEL_NOT_FOUND",
            {"field": "model.version"},
            id="unknown-version",
        ),
    ],
)
def test_a_bad_request_is_refused_with_its_reason(
    world: World, message: pb.PredictClicksRequest, code: str, reason: str, metadata: dict[str, str]
) -> None:
    """The code, the reason, and field, limit and size; never what was sent."""
    with pytest.raises(PredictionError) as caught:
        world.client.predict_clicks(message, deadline_s=DEADLINE_S)
    error = caught.value
    assert (error.code.name, error.reason, error.details.metadata) == (code, reason, metadata)
    assert CANARY not in str(error)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (Item("b", CANARY * 103), "TEXT_TOO_LONG"),
        (Item(GOOD.item_id, CANARY), "DUPLICATE_ITEM_ID"),
        (Item("", CANARY), "EMPTY_ITEM_ID"),
        (Item("b", CANARY, features={"price": math.nan}), "NUMBER_NOT_FINITE"),
        (Item("b", CANARY, features={CANARY: math.inf}), "NUMBER_NOT_FINITE"),
        (Item("b", CANARY, features={"price": CANARY}), "FEATURE_TYPE_MISMATCH"),
        (Item("b", CANARY, features={"brand": 3}), "FEATURE_TYPE_MISMATCH"),
        (Item("b", CANARY, prior_score=2.0), "PRIOR_OUT_OF_RANGE"),
        (Item(CANARY * 13, CANARY), "ID_TOO_LONG"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_item_is_invalid_alone(world: World, item: Item, reason: str) -> None:
    """A bad item is INVALID with its reason, and its neighbours get the scores they always get."""
    alone = world.client.predict_clicks(a_search(GOOD, Item("z", "cup")), deadline_s=DEADLINE_S)
    answer = world.client.predict_clicks(
        a_search(GOOD, item, Item("z", "cup")), deadline_s=DEADLINE_S
    )
    first, bad, last = answer.predictions
    assert bad.status == pb.PREDICTION_STATUS_INVALID
    assert bad.reason == error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{reason}")
    assert not bad.HasField("click_probability")
    assert CANARY not in bad.reason_detail
    expected = [p.click_probability for p in alone.predictions]
    assert [first.click_probability, last.click_probability] == pytest.approx(expected, abs=1e-6)
    assert not answer.degraded


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xff\xff\xff" + CANARY.encode(), id="no-message"),
        pytest.param(b"\x12\x0c\xff\xfe" + CANARY.encode(), id="invalid-utf8"),
        pytest.param(b"\x12\x7f" + CANARY.encode(), id="cut-short"),
    ],
)
def test_malformed_bytes_are_invalid_not_unknown(world: World, raw: bytes) -> None:
    """Bytes that are no request get INVALID_ARGUMENT with MALFORMED_REQUEST and their size."""
    code, details = call_raw(world, raw)
    assert (code, details.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    assert details.metadata == {"size": str(len(raw))}


def test_a_message_over_4_mib_is_refused(world: World) -> None:
    """GRPC itself refuses it, before it is in memory."""
    code, _ = call_raw(world, CANARY.encode() * 450_000)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_unknown_features_are_ignored_aloud(world: World) -> None:
    """A feature that the model does not know changes no score and is listed."""
    plain = world.client.predict_clicks(a_search(Item("a", "mug")), deadline_s=DEADLINE_S)
    item = Item("a", "mug", features={"colour": "red"})
    answer = world.client.predict_clicks(a_search(item), deadline_s=DEADLINE_S)
    assert list(answer.ignored_features) == ["item.colour"]
    assert answer.predictions[0].click_probability == plain.predictions[0].click_probability


def test_refusals_are_counted_by_reason(world: World) -> None:
    """The metrics say how often each reason came up."""
    with pytest.raises(PredictionError):
        world.client.predict_clicks(a_search(), deadline_s=DEADLINE_S)
    assert 'ctr_refusals_total{method="PredictClicks",reason="NO_CANDIDATES"}' in (
        world.gateway.metrics()
    )


def call_raw(world: World, raw: bytes) -> tuple[grpc.StatusCode, Details]:
    """Send bytes that no message holds, and return how the call ended."""
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(world.gateway.target, options) as channel:
        method = channel.unary_unary(PREDICT, None, None)
        with pytest.raises(grpc.RpcError) as caught:
            method(raw, timeout=DEADLINE_S)
    call = cast("grpc.Call", caught.value)
    return call.code(), details_of(cast("Trailing", call.trailing_metadata()))
