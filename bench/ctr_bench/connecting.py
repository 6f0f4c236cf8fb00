"""Connections to a target in its protocol, as methods that a driver calls."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import grpc

from ctr_bench.errors import BenchError
from ctr_bench.job import HTTP_JSON
from ctr_bench.protocols import method_of
from ctr_client.options import ClientOptions
from ctr_client.security import open_channel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_bench.calls import Method
    from ctr_bench.job import Job
    from ctr_client.security import Security

CONNECT_S = 30.0


@contextlib.contextmanager
def connected(
    job: Job, security: Security, *, connect_s: float = CONNECT_S
) -> Iterator[list[Method]]:
    """Connect as often as the job says; a method a connection.

    HTTP has one method of as many connections as are needed, which it makes when it is asked.

    Args:
        job: target, protocol, connections and attempts.
        security: of gRPC's channels.
        connect_s: so long is a gRPC server waited for.

    Raises:
        BenchError: nothing serves at the target.
    """
    with contextlib.ExitStack() as stack:
        if job.protocol == HTTP_JSON:
            # aiohttp takes 150 ms to import, and only this protocol needs it.
            from ctr_bench.http_method import HttpMethod  # noqa: PLC0415 -- see above

            yield [stack.enter_context(HttpMethod(job.target))]
            return
        # One attempt unless asked for: a retry would hide a failure from the figures.
        options = ClientOptions(max_attempts=job.attempts, own_connection=True).channel_options()
        channels = [
            stack.enter_context(open_channel(job.target, options, security))
            for _ in range(job.connections)
        ]
        for channel in channels:
            _wait_for(channel, job.target, connect_s)
        path = method_of(job.protocol)
        yield [channel.unary_unary(path, None, None) for channel in channels]


def _wait_for(channel: grpc.Channel, target: str, connect_s: float) -> None:
    try:
        grpc.channel_ready_future(channel).result(timeout=connect_s)
    except grpc.FutureTimeoutError:
        raise BenchError(
            f"nothing serves at {target}: no connection within {connect_s:.0f} s"
        ) from None
