"""Endpoints and route weights, told to those who balance by them some time after they changed.

A cluster takes from tenths of a second to seconds: controller, watch, proxy or DNS. Here that is
one figure, so that a rehearsal can be as slow as production.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ctr_rehearsal.api.kinds import GRPC_ROUTE, POD, SERVICE
from ctr_rehearsal.control.endpoints import endpoints_of
from ctr_rehearsal.objects import name_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_rehearsal.cluster import Cluster
    from ctr_rehearsal.control.endpoints import Endpoint
    from ctr_rehearsal.objects import Object


@dataclass(frozen=True, slots=True)
class Backend:
    """One backend of a route: "service:port", and its share of the traffic."""

    name: str
    weight: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What balancers know at one moment.

    Attributes:
        endpoints: "service:port" -> the addresses behind it.
        route: where calls go, by weight; empty without a GRPCRoute.
    """

    endpoints: Mapping[str, tuple[Endpoint, ...]]
    route: tuple[Backend, ...]


class Sink(Protocol):
    """Who balances. Must return at once and not raise."""

    def publish(self, snapshot: Snapshot) -> None:
        """Balance by this from now on."""
        ...


class Publisher:
    """Follows a cluster and tells the sinks, `lag_s` late, in order."""

    def __init__(self, namespace: str, sinks: Sequence[Sink], lag_s: float) -> None:
        self._namespace = namespace
        self._sinks = sinks
        self._lag_s = lag_s

    async def follow(self, cluster: Cluster) -> None:
        """Run until cancelled."""
        waiting: deque[tuple[float, Snapshot]] = deque()
        latest: Snapshot | None = None
        while True:
            version = cluster.store.version
            snapshot = take_snapshot(cluster, self._namespace)
            if snapshot != latest:
                # What stands at the start is known at once.
                due_s = time.monotonic() + (0.0 if latest is None else self._lag_s)
                waiting.append((due_s, snapshot))
                latest = snapshot
            while waiting and waiting[0][0] <= time.monotonic():
                _, due = waiting.popleft()
                for sink in self._sinks:
                    sink.publish(due)
            patience_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            try:
                async with asyncio.timeout(patience_s):
                    await cluster.store.changed(version)
            except TimeoutError:
                pass


def take_snapshot(cluster: Cluster, namespace: str) -> Snapshot:
    """Return what is true now."""
    store = cluster.store
    pods = store.list(POD, namespace)
    ports = {name_of(p): cluster.facts.ports.get(p["metadata"]["uid"], {}) for p in pods}
    endpoints = {}
    for service in store.list(SERVICE, namespace):
        for port in service["spec"].get("ports") or ():
            key = f"{name_of(service)}:{port['port']}"
            endpoints[key] = endpoints_of(service, port["port"], pods, ports)
    routes = [r for r in store.list(GRPC_ROUTE) if namespace_of(r) == namespace]
    return Snapshot(endpoints, _backends(routes[0]) if routes else ())


def _backends(route: Object) -> tuple[Backend, ...]:
    return tuple(
        Backend(f"{backend['name']}:{backend['port']}", int(backend.get("weight", 1)))
        for rule in route["spec"].get("rules") or ()
        for backend in rule.get("backendRefs") or ()
    )
