"""Both clients against a server that ends calls as it is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest

from ctr_client import errors as client_errors
from ctr_client.aio_client import AsyncPredictionClient
from ctr_client.client import PredictionClient
from ctr_client.errors import PredictionError, UnavailableError
from ctr_client.messages import Item, feature_value, search
from ctr_client.options import ClientOptions
from ctr_service.errors import (
    BackendFailedError,
    DeadlineExceededError,
    ModelNotFoundError,
    NotServingError,
    OverloadedError,
    RequestInvalidError,
)
from tests.support.scripted_server import Script, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ctr.v1 import prediction_pb2 as pb

    Call: TypeAlias = Callable[[str, ClientOptions | None], pb.PredictClicksResponse]

ONCE = ClientOptions(max_attempts=1)
LONG_S = 20.0


def sync_call(target: str, options: ClientOptions | None = None) -> pb.PredictClicksResponse:
    """One search through the blocking client."""
    with PredictionClient(target, options) as client:
        return client.predict_clicks(search("q", [Item("a")], request_id="r"), deadline_s=LONG_S)


def aio_call(target: str, options: ClientOptions | None = None) -> pb.PredictClicksResponse:
    """One search through the asyncio client."""

    async def call() -> pb.PredictClicksResponse:
        async with AsyncPredictionClient(target, options) as client:
            message = search("q", [Item("a")], request_id="r")
            return await client.predict_clicks(message, deadline_s=LONG_S)

    return asyncio.run(call())


both = pytest.mark.parametrize("call", [sync_call, aio_call])


@both
@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (RequestInvalidError("m"), client_errors.RequestRefusedError, "MALFORMED_REQUEST"),
        (ModelNotFoundError("m"), client_errors.ModelNotFoundError, "MODEL_NOT_FOUND"),
        (DeadlineExceededError("m"), client_errors.DeadlineError, "DEADLINE_EXCEEDED"),
        (OverloadedError("m", retry_after_ns=5), client_errors.OverloadedError, "OVERLOADED"),
        (BackendFailedError("m"), client_errors.UnavailableError, "BACKEND_FAILED"),
        (KeyError("m"), client_errors.ServerFailedError, "INTERNAL"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, client_errors.RequestRefusedError, ""),
        (grpc.StatusCode.CANCELLED, client_errors.UnavailableError, ""),
        (grpc.StatusCode.UNKNOWN, client_errors.ServerFailedError, ""),
    ],
)
def test_a_failed_call_is_a_typed_exception(
    call: Call,
    error: Exception | grpc.StatusCode,
    kind: type[PredictionError],
    reason: str,
) -> None:
    """Each code becomes its exception, with the server's reason."""
    with scripted_server(Script([error])) as target, pytest.raises(PredictionError) as caught:
        call(target, ONCE)
    assert type(caught.value) is kind
    assert caught.value.reason == reason


@both
def test_what_the_server_attached_is_kept(call: Call) -> None:
    """Metadata and the time to come back reach the caller, and the message is the server's."""
    error = OverloadedError("full", retry_after_ns=1_500_000_000, metadata={"field": "queue"})
    with scripted_server(Script([error])) as target, pytest.raises(PredictionError) as caught:
        call(target, ONCE)
    assert caught.value.details.metadata == {"field": "queue"}
    assert caught.value.details.retry_after_s == 1.5
    assert str(caught.value) == "full"


@both
@pytest.mark.parametrize(
    "error", [NotServingError("stopping"), grpc.StatusCode.CANCELLED], ids=["stopping", "crossed"]
)
def test_a_stopping_server_is_tried_again(call: Call, error: Exception | grpc.StatusCode) -> None:
    """UNAVAILABLE, and the CANCELLED of a stopping gRPC server, are retried to an answer."""
    script = Script([error, error])
    with scripted_server(script) as target:
        assert call(target, None).request_id == "r"
    assert script.attempts == 3


@both
def test_attempts_are_bounded(call: Call) -> None:
    """A server that stays unavailable is asked four times, not for ever."""
    script = Script([NotServingError("stopping")] * 9)
    with scripted_server(script) as target, pytest.raises(UnavailableError):
        call(target, None)
    assert script.attempts == 4


@both
def test_a_servers_pushback_is_obeyed(call: Call) -> None:
    """A negative pushback means: do not come back."""
    script = Script([NotServingError("stopping")] * 9, (("grpc-retry-pushback-ms", "-1"),))
    with scripted_server(script) as target, pytest.raises(UnavailableError):
        call(target, None)
    assert script.attempts == 1


@both
@pytest.mark.parametrize(
    "error", [RequestInvalidError("m"), OverloadedError("m", retry_after_ns=1), KeyError("m")]
)
def test_other_failures_are_not_tried_again(call: Call, error: Exception) -> None:
    """A retry would fail again, or make an overload worse."""
    script = Script([error])
    with scripted_server(script) as target, pytest.raises(PredictionError):
        call(target, None)
    assert script.attempts == 1


def test_every_call_has_a_deadline() -> None:
    """Without one the client asks for 1 s."""
    script = Script()
    with scripted_server(script) as target, PredictionClient(target) as client:
        client.predict_clicks(search("q", [Item("a")]))
        client.get_model()
    assert script.deadlines_s == [pytest.approx(1.0, abs=0.5)] * 2


@both
def test_nobody_at_the_target_is_unavailable(call: Call) -> None:
    """A port where nobody listens is an UnavailableError without a server's reason."""
    with scripted_server(Script()) as target:
        pass
    with pytest.raises(UnavailableError) as caught:
        call(target, ONCE)
    assert caught.value.reason == ""


@pytest.mark.parametrize(("serving", "status"), [(True, "SERVING"), (False, "NOT_SERVING")])
def test_health_is_read_without_the_health_package(*, serving: bool, status: str) -> None:
    """The hand-written messages agree with the server of grpc.health.v1 itself."""
    with scripted_server(Script(), serving=serving) as target, PredictionClient(target) as client:
        assert client.health(deadline_s=LONG_S) == status
        with pytest.raises(client_errors.ModelNotFoundError):
            client.health("nobody", deadline_s=LONG_S)


def test_a_message_over_the_limit_is_refused_before_it_is_sent() -> None:
    """The client's own limit answers, and it is no overload."""
    script = Script()
    with (
        scripted_server(script) as target,
        PredictionClient(target, ClientOptions(max_message_bytes=100)) as client,
        pytest.raises(client_errors.RequestRefusedError),
    ):
        client.predict_clicks(search("q" * 200, [Item("a")]))
    assert script.attempts == 0


def test_a_truth_value_is_no_feature() -> None:
    """A bool would silently become an integer, so it is refused."""
    with pytest.raises(TypeError, match="0 or 1"):
        feature_value(True)


def test_a_search_is_built_from_plain_values() -> None:
    """Numbers, integers, texts and lists land in their fields; absent optionals stay absent."""
    message = search(
        "q",
        [Item("a", "t", "v", {"n": 1.5, "i": 2, "s": "x", "l": ["y"]}, prior_score=0.0, rank=1)],
        user_id="u",
        user={"segment": "new"},
        context={"hour": 8},
    )
    (item,) = message.candidates
    kinds = {name: value.WhichOneof("value") for name, value in item.features.items()}
    assert kinds == {"n": "number", "i": "integer", "s": "text", "l": "texts"}
    assert item.HasField("prior_score")
    assert not search("q", [Item("a")]).candidates[0].HasField("prior_score")
    assert message.user.features["segment"].text == "new"
    assert message.context_features["hour"].integer == 8
