"""Calls a container's probes for real: gRPC health, HTTP, TCP and commands."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import grpc
from grpc_health.v1 import health_pb2

from ctr_rehearsal.control.endpoints import named_port
from ctr_rehearsal.errors import unsupported
from ctr_rehearsal.kubelet.health import Thresholds
from ctr_rehearsal.kubelet.rewriting import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from ctr_rehearsal.objects import Object

HEALTH = "/grpc.health.v1.Health/Check"
_FAILS_FROM = 400


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of a container.

    Attributes:
        ask: returns whether it passed; never raises.
        period_s: between two, scaled.
        delay_s: before the first, scaled.
        thresholds: of its verdict.
    """

    ask: Callable[[], Awaitable[bool]]
    period_s: float
    delay_s: float
    thresholds: Thresholds


def probe_of(
    spec: Object | None,
    pod: Object,
    ports: Mapping[int, int],
    run: Callable[[Sequence[str]], Awaitable[int]],
    time_scale: float,
) -> Probe | None:
    """Return a probe as its spec says; None for none.

    Periods and delays are scaled; the timeout is not, because what it bounds is real work.

    Args:
        spec: of the probe.
        pod: whose it is.
        ports: container port -> port of this machine.
        run: runs a command in the container's surroundings and returns its exit code.
        time_scale: on times.

    Raises:
        ApiError: a kind of probe that the emulator does not support.
    """
    if not spec:
        return None
    how = _how(spec, pod, ports, run)
    timeout_s = float(spec["timeoutSeconds"])

    async def ask() -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                return await how()
        except (OSError, TimeoutError, grpc.aio.AioRpcError, aiohttp.ClientError):
            return False

    return Probe(
        ask,
        period_s=spec["periodSeconds"] * time_scale,
        delay_s=spec.get("initialDelaySeconds", 0) * time_scale,
        thresholds=Thresholds(spec["successThreshold"], spec["failureThreshold"]),
    )


def _how(
    spec: Object,
    pod: Object,
    ports: Mapping[int, int],
    run: Callable[[Sequence[str]], Awaitable[int]],
) -> Callable[[], Awaitable[bool]]:
    def here(port: int | str) -> int:
        number = port if isinstance(port, int) else named_port(pod, port)
        return ports.get(number or 0, number or 0)

    if call := spec.get("grpc"):
        return partial(_grpc, here(call["port"]), call.get("service") or "")
    if call := spec.get("httpGet"):
        return partial(_http, here(call["port"]), call)
    if call := spec.get("tcpSocket"):
        return partial(_tcp, here(call["port"]))
    if call := spec.get("exec"):
        return partial(_command, run, call["command"])
    raise unsupported(f"a probe of kind {', '.join(spec)}")


async def _grpc(port: int, service: str) -> bool:
    # A connection of its own each time, as a kubelet's.
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"{LOOPBACK}:{port}", options=options) as channel:
        check = channel.unary_unary(
            HEALTH,
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        answer = await check(health_pb2.HealthCheckRequest(service=service))
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def _http(port: int, call: Object) -> bool:
    url = f"{call.get('scheme', 'HTTP').lower()}://{LOOPBACK}:{port}{call.get('path', '/')}"
    headers = {one["name"]: one["value"] for one in call.get("httpHeaders") or ()}
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=headers, ssl=False, allow_redirects=False) as answer,
    ):
        return answer.status < _FAILS_FROM


async def _tcp(port: int) -> bool:
    _, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _command(run: Callable[[Sequence[str]], Awaitable[int]], command: Sequence[str]) -> bool:
    return await run(command) == 0
