"""The asyncio twin of `client.PredictionClient`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import grpc

from ctr.v1 import prediction_pb2, prediction_pb2_grpc
from ctr_client import health
from ctr_client.errors import error_of
from ctr_client.options import DEFAULT_DEADLINE_S, DEFAULT_TARGET, ClientOptions
from ctr_client.propagation import with_context
from ctr_client.security import PLAIN, open_aio_channel

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from types import TracebackType
    from typing import Self

    from ctr_client.errors import Trailing
    from ctr_client.security import Security

_AnswerT = TypeVar("_AnswerT")


class AsyncPredictionClient:
    """One channel to one target, for one event loop; make it inside that loop.

    Deadlines, retries and errors are those of `client.PredictionClient`.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        options: ClientOptions | None = None,
        *,
        security: Security | None = None,
    ) -> None:
        """Make a channel; it connects with the first call. See `client.PredictionClient`."""
        self.target = target
        self._security = security or PLAIN
        self._channel = open_aio_channel(
            target, (options or ClientOptions()).channel_options(), self._security
        )
        self._stub = prediction_pb2_grpc.PredictionServiceStub(self._channel)
        self._check = self._channel.unary_unary(
            health.CHECK,
            request_serializer=health.encode_check,
            response_deserializer=health.decode_check,
        )

    async def predict_clicks(
        self,
        request: prediction_pb2.PredictClicksRequest,
        *,
        deadline_s: float = DEFAULT_DEADLINE_S,
        wait_for_ready: bool = False,
    ) -> prediction_pb2.PredictClicksResponse:
        """Score one search; see `client.PredictionClient.predict_clicks`."""
        return await _translated(
            self._stub.PredictClicks(
                request,
                timeout=deadline_s,
                metadata=with_context(self._security.metadata()),
                wait_for_ready=wait_for_ready,
            )
        )

    async def get_model(
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
        return await _translated(
            self._stub.GetModel(
                request,
                timeout=deadline_s,
                metadata=with_context(self._security.metadata()),
                wait_for_ready=wait_for_ready,
            )
        )

    async def health(
        self,
        service: str = "",
        *,
        deadline_s: float = DEFAULT_DEADLINE_S,
        wait_for_ready: bool = False,
    ) -> str:
        """Return "SERVING", "NOT_SERVING" or "UNKNOWN", as the server's health service says."""
        return await _translated(
            self._check(service, timeout=deadline_s, wait_for_ready=wait_for_ready)
        )

    async def close(self) -> None:
        """Close the channel; calls in progress fail."""
        await self._channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def _translated(call: Awaitable[_AnswerT]) -> _AnswerT:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        trailing = cast("Trailing", error.trailing_metadata())
        raise error_of(error.code(), error.details(), trailing) from None
