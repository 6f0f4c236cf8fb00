"""gRPC channels to one Triton server, and the four calls that are made on them."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from tritonclient.grpc import service_pb2

from ctr_service.backend.triton_faults import FaultKind, TritonFault, fault_of
from ctr_service.traces import outgoing_metadata

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = "/inference.GRPCInferenceService/"
CHANNEL_OPTIONS = (
    # Channels of the same target would share one connection: a pool needs a connection each.
    ("grpc.use_local_subchannel_pool", 1),
    # A restarted server is found again within a second, not after the default's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # An idle connection is kept: who opens it again may be talking to another server.
    ("grpc.client_idle_timeout_ms", 2**31 - 1),
    # Retries are ours: the library's own would hide which server answered.
    ("grpc.enable_retries", 0),
    # No keepalive pings: the watch asks every second, and Triton takes pings below five minutes
    # for abuse.
)


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM bytes. `roots` None trusts the system's; key and certificate are for mutual TLS."""

    roots: bytes | None = None
    private_key: bytes | None = None
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """What a server says about a model."""

    config: service_pb2.ModelConfigResponse
    versions: tuple[str, ...]


class TritonChannels:
    """A pool of connections to one address. Belongs to one event loop."""

    def __init__(
        self,
        address: str,
        *,
        host: str,
        connections: int,
        tls: Tls | None,
        lost: Callable[[], None],
    ) -> None:
        """Make the channels; nothing is connected before the first call.

        Args:
            address: `address:port`.
            host: the configured name, which a certificate must be for.
            connections: how many.
            tls: None speaks in the clear.
            lost: called when a connection that stood is gone.
        """
        self._lost = lost
        self._closed = False
        self._channels = tuple(_open(address, host, tls) for _ in range(connections))
        self._infer = itertools.cycle(
            [
                channel.unary_unary(
                    f"{SERVICE}ModelInfer",
                    request_serializer=None,
                    response_deserializer=service_pb2.ModelInferResponse.FromString,
                )
                for channel in self._channels
            ]
        )
        self._watchers = [asyncio.create_task(self._watch(channel)) for channel in self._channels]

    async def infer(self, body: bytes, timeout_s: float) -> service_pb2.ModelInferResponse:
        """Send a serialized ModelInferRequest on the next connection.

        Raises:
            TritonFault: it failed.
        """
        try:
            return await next(self._infer)(body, timeout=timeout_s, metadata=outgoing_metadata())
        except grpc.aio.AioRpcError as error:
            raise fault_of(error) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                # The library cancels calls on a channel that is closed; nobody cancelled this run.
                raise TritonFault(FaultKind.UNREACHABLE, "the connection was given up") from None
            raise

    async def ask(self, model: str, timeout_s: float) -> list[Served]:
        """Ask over every connection what is served: behind one address each may lead elsewhere.

        Raises:
            TritonFault: one of them failed.
        """
        asking = (_ask(channel, model, timeout_s) for channel in self._channels)
        return list(await asyncio.gather(*asking))

    async def close(self) -> None:
        """Break the connections. Idempotent."""
        self._closed = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await asyncio.gather(*(channel.close(None) for channel in self._channels))

    async def _watch(self, channel: grpc.aio.Channel) -> None:
        state = channel.get_state()
        while state is not grpc.ChannelConnectivity.SHUTDOWN:
            await channel.wait_for_state_change(state)
            if state is grpc.ChannelConnectivity.READY:
                self._lost()
            state = channel.get_state()


def _open(address: str, host: str, tls: Tls | None) -> grpc.aio.Channel:
    if tls is None:
        return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
    credentials = grpc.ssl_channel_credentials(tls.roots, tls.private_key, tls.certificate)
    # We connect to the address that we resolved; the certificate is for the name.
    options = (*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", host))
    return grpc.aio.secure_channel(address, credentials, options=options)


async def _ask(channel: grpc.aio.Channel, model: str, timeout_s: float) -> Served:
    config = channel.unary_unary(
        f"{SERVICE}ModelConfig",
        request_serializer=service_pb2.ModelConfigRequest.SerializeToString,
        response_deserializer=service_pb2.ModelConfigResponse.FromString,
    )
    metadata = channel.unary_unary(
        f"{SERVICE}ModelMetadata",
        request_serializer=service_pb2.ModelMetadataRequest.SerializeToString,
        response_deserializer=service_pb2.ModelMetadataResponse.FromString,
    )
    try:
        configured, described = await asyncio.gather(
            config(service_pb2.ModelConfigRequest(name=model), timeout=timeout_s),
            metadata(service_pb2.ModelMetadataRequest(name=model), timeout=timeout_s),
        )
    except grpc.aio.AioRpcError as error:
        raise fault_of(error) from None
    return Served(configured.config, tuple(described.versions))
