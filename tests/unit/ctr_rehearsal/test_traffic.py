"""How requests find pods: Envoy's files, and the client that balances by itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from ctr_rehearsal.control.endpoints import Endpoint
from ctr_rehearsal.traffic import envoy_config
from ctr_rehearsal.traffic.balancing import RoundRobin
from ctr_rehearsal.traffic.publishing import Backend, Snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ENDPOINTS = {"a:1": (Endpoint("p", "127.0.0.1:7"),), "b:1": ()}
METHOD = "/test/Name"


def _action(listener: str, *route: Backend) -> dict[str, object]:
    made = envoy_config.routes(listener, Snapshot(ENDPOINTS, route), "a:1")
    action: dict[str, object] = made["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]
    return action


def test_without_a_route_everything_goes_to_the_service() -> None:
    """So a rehearsal needs no Gateway API."""
    assert _action("strict")["cluster"] == "a:1"


def test_weights_are_the_routes_and_none_is_no_backend() -> None:
    """A backend of weight 0 gets nothing, not even a cluster that may be empty."""
    both = _action("strict", Backend("a:1", 95), Backend("b:1", 5))
    assert both["weighted_clusters"] == {
        "clusters": [{"name": "a:1", "weight": 95}, {"name": "b:1", "weight": 5}]
    }
    alone = _action("strict", Backend("a:1", 100), Backend("b:1", 0))
    assert alone["weighted_clusters"] == {"clusters": [{"name": "a:1", "weight": 100}]}


def test_only_the_edge_retries() -> None:
    """What fails behind the strict listener is seen."""
    assert "retry_policy" not in _action("strict")
    assert "retry_policy" in _action("gateway")


def test_clusters_read_the_files_that_are_written() -> None:
    """Each cluster's endpoints lie where its configuration says."""
    made = envoy_config.clusters(Path("/x"), Snapshot(ENDPOINTS, ()))
    files = [
        one["eds_cluster_config"]["eds_config"]["path_config_source"]["path"]
        for one in made["resources"]
    ]
    assert files == [f"/x/{envoy_config.endpoints_file(name)}" for name in ENDPOINTS]


class Named:
    """Servers that answer with their own address."""

    def __init__(self) -> None:
        self.servers: dict[str, grpc.aio.Server] = {}

    async def start(self) -> str:
        """Start one more and return its address."""
        server = grpc.aio.server()
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"

        async def name(_: bytes, __: object) -> bytes:
            return address.encode()

        handler = grpc.unary_unary_rpc_method_handler(name)
        handlers = grpc.method_handlers_generic_handler("test", {"Name": handler})
        server.add_generic_rpc_handlers((handlers,))
        await server.start()
        self.servers[address] = server
        return address


@pytest.fixture
async def named() -> AsyncIterator[Named]:
    """No servers yet."""
    made = Named()
    yield made
    for server in made.servers.values():
        await server.stop(None)


async def _asked(balancer: RoundRobin, calls: int) -> Counter[str]:
    return Counter([(await balancer.call(METHOD, b"", 10.0)).decode() for _ in range(calls)])


async def test_calls_go_round_and_a_list_is_read_when_a_connection_ends(named: Named) -> None:
    """A new endpoint is found once another one hangs up, as gRPC resolves a name again then."""
    first, second = await named.start(), await named.start()
    listed = [first, second]
    async with RoundRobin(lambda: listed, ()) as balancer:
        while len(seen := await _asked(balancer, 2)) < 2:
            pass
        assert seen == {first: 1, second: 1}
        third = await named.start()
        listed = [second, third]
        assert set(await _asked(balancer, 6)) == {first, second}
        await named.servers[first].stop(None)
        while third not in (seen := await _asked(balancer, 4)):
            pass
        assert set(seen) <= {second, third}


async def test_nobody_to_call_is_late_and_not_endless(named: Named) -> None:
    """Without an endpoint a call waits for its deadline."""
    del named
    async with RoundRobin(list, ()) as balancer:
        with pytest.raises(TimeoutError):
            await balancer.call(METHOD, b"", 0.05)
