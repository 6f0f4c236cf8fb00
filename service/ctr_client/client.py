"""The client of ctr.v1.PredictionService, for threads. `aio_client` is its asyncio twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import grpc

from ctr.v1 import prediction_pb2, prediction_pb2_grpc
from ctr_client import health
from ctr_client.errors import PredictionError, error_of
from ctr_client.options import DEFAULT_DEADLINE_S, DEFAULT_TARGET, ClientOptions
from ctr_client.propagation import with_context
from ctr_client.security import PLAIN, open_channel

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from ctr_client.errors import Trailing
    from ctr_client.security import Security

_AnswerT = TypeVar("_AnswerT")


class PredictionClient:
    """One channel to one target; safe to share between threads. Keep it, do not make one a call.

    Every call has a deadline, retries included: 1 s unless told otherwise. Every method raises a
    subclass of `ctr_client.errors.PredictionError`.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        options: ClientOptions | None = None,
        *,
        security: Security | None = None,
    ) -> None:
        """Make a channel; it connects with the first call.

        Args:
            target: "host:port", or any gRPC target such as "dns:///ctr.search:8500".
            options: retries, keepalive, message size.
            security: TLS and token, for a server that asks for them.

        Raises:
            SecurityError: a file of TLS cannot be used, or the token would be sent in clear.
        """
        self.target = target
        self._security = security or PLAIN
        self._channel = open_channel(
            target, (options or ClientOptions()).channel_options(), self._security
        )
        self._stub = prediction_pb2_grpc.PredictionServiceStub(self._channel)
        self._check: grpc.UnaryUnaryMultiCallable[str, str] = self._channel.unary_unary(
            health.CHECK,
            request_serializer=health.encode_check,
            response_deserializer=health.decode_check,
        )

    def predict_clicks(
        self,
        request: prediction_pb2.PredictClicksRequest,
        *,
        deadline_s: float = DEFAULT_DEADLINE_S,
        wait_for_ready: bool = False,
    ) -> prediction_pb2.PredictClicksResponse:
        """Score one search. `ctr_client.messages.search` builds the request from plain values.

        Args:
            request: the query, its user and 1 to 1,000 candidates.
            deadline_s: seconds from now, which the server plans with.
            wait_for_ready: wait for a connection until the deadline, rather than fail at once.
        """
        return _translated(
            lambda: self._stub.PredictClicks(
                request,
                timeout=deadline_s,
                metadata=with_context(self._security.metadata()),
                wait_for_ready=wait_for_ready,
            )
        )

    def get_model(
        self,
        *,
        name: str = "",
        version: str = "",
        deadline_s: float = DEFAULT_DEADLINE_S,
        wait_for_ready: bool = False,
    ) -> prediction_pb2.GetModelResponse:
        """Describe the model that serves; with a name or version, fail unless it is that one."""
        request = prediction_pb2.GetModelRequest(
            model=prediction_pb2.ModelRef(name=name, version=version)
        )
        return _translated(
            lambda: self._stub.GetModel(
                request,
                timeout=deadline_s,
                metadata=with_context(self._security.metadata()),
                wait_for_ready=wait_for_ready,
            )
        )

    def health(
        self,
        service: str = "",
        *,
        deadline_s: float = DEFAULT_DEADLINE_S,
        wait_for_ready: bool = False,
    ) -> str:
        """Return "SERVING", "NOT_SERVING" or "UNKNOWN", as the server's health service says."""
        return _translated(
            lambda: self._check(service, timeout=deadline_s, wait_for_ready=wait_for_ready)
        )

    def close(self) -> None:
        """Close the channel; calls in progress fail."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _translated(call: Callable[[], _AnswerT]) -> _AnswerT:
    try:
        return call()
    except grpc.RpcError as error:
        raise _error_of(error) from None


def _error_of(error: grpc.RpcError) -> PredictionError:
    # What a blocking call raises is also its Call, which knows how it ended.
    call = cast("grpc.Call", error)
    return error_of(call.code(), call.details(), cast("Trailing", call.trailing_metadata()))
