"""Sentinel, Cluster and TLS against real servers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import trustme

from ctr_service.remote.redis_url import TlsFiles
from tests.support.redis_server import RedisServer, free_port, running_redis
from tests.support.remote_world import eventually, remote_world, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = tuple(b"k%d" % n for n in range(60))
SLOTS = 16_384


def cluster_node() -> RedisServer:
    """One node of a cluster, whose bus port is free too."""
    return RedisServer(
        *("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"),
        *("--cluster-port", str(free_port()), "--cluster-require-full-coverage", "no"),
    )


@pytest.fixture
def cluster() -> Iterator[list[RedisServer]]:
    """Two nodes that know one another, half of the slots each."""
    nodes = [cluster_node(), cluster_node()]
    try:
        for index, node in enumerate(nodes):
            first, last = index * SLOTS // 2, (index + 1) * SLOTS // 2 - 1
            node.command("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
        bus = nodes[1]._arguments[5]
        nodes[0].command("CLUSTER", "MEET", "127.0.0.1", str(nodes[1].port), bus)
        yield nodes
    finally:
        for node in nodes:
            node.close()


async def test_a_cluster_is_one_cache(cluster: list[RedisServer]) -> None:
    """Keys spread over both nodes come back in order; a dead node costs its own keys alone."""
    url = f"redis+cluster://127.0.0.1:{cluster[0].port}"
    async with remote_world(url, deadline_s=0.5) as world:

        async def spread() -> bool:
            await world.put(*KEYS)
            return await world.get(*KEYS) == [value_of(key) for key in KEYS] and all(
                int(node.command("DBSIZE")) > 0 for node in cluster
            )

        await eventually(spread)
        assert sum(int(node.command("DBSIZE")) for node in cluster) == len(KEYS)
        cluster[1].stop()
        found = await world.get(*KEYS)
        assert {None} < set(found) <= {None, *map(value_of, KEYS)}
        assert all(value in (None, value_of(k)) for k, value in zip(KEYS, found, strict=True))
        cluster[1].start()
        await eventually(spread)


async def test_keys_below_a_prefix_are_deleted_on_every_node(cluster: list[RedisServer]) -> None:
    """Deleting takes what begins with the prefix, literally, and nothing else."""
    url = f"redis+cluster://127.0.0.1:{cluster[0].port}"
    async with remote_world(url, deadline_s=0.5) as world:

        async def there() -> bool:
            await world.put(*KEYS, b"k*")
            return None not in await world.get(*KEYS, b"k*")

        await eventually(there)
        link = world.hub._link
        assert await link.delete_prefix(b"ctr:test:k*") == 1
        assert await link.delete_prefix(b"ctr:test:k1") == 11
        assert await world.get(b"k2", b"k1", b"k10", b"k*") == [value_of(b"k2"), None, None, None]


async def test_a_sentinel_names_the_master_and_a_failover_is_followed() -> None:
    """When the sentinel names another master, writes go there by themselves."""
    with running_redis() as first, running_redis() as second:
        sentinel_conf = first.folder / "sentinel.conf"
        sentinel_conf.write_text(f"sentinel monitor main 127.0.0.1 {first.port} 1\n")
        port = free_port()
        process = subprocess.Popen(  # noqa: ASYNC220 -- it does not wait
            [  # noqa: S607 -- wherever Debian put it
                "redis-server",
                str(sentinel_conf),
                "--sentinel",
                "--port",
                str(port),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            url = f"redis+sentinel://127.0.0.1:{port}/main"
            async with remote_world(url, deadline_s=0.5) as world:
                await world.recovered(b"a")
                assert int(first.command("DBSIZE")) == 1
                sentinel = RedisServer.__new__(RedisServer)
                sentinel.port = port
                sentinel.command("SENTINEL", "REMOVE", "main")
                sentinel.command("SENTINEL", "MONITOR", "main", "127.0.0.1", str(second.port), "1")
                first.stop()
                await world.recovered(b"b")
                assert int(second.command("DBSIZE")) >= 1
        finally:
            process.kill()
            process.wait()


async def test_mutual_tls(tmp_path: Path) -> None:
    """With the authority and a client certificate it works; without the certificate it misses."""
    files = certificates(tmp_path)
    port = free_port()
    arguments = (
        *("--tls-port", str(port), "--tls-cert-file", str(tmp_path / "server.pem")),
        *("--tls-key-file", str(tmp_path / "server.key")),
        *("--tls-ca-cert-file", str(tmp_path / "ca.pem"), "--tls-auth-clients", "yes"),
    )
    with running_redis(*arguments, plain=False, port=port):
        url = f"rediss://localhost:{port}"
        async with remote_world(url, tls=files) as world:
            await world.put(b"a")
            assert await world.get(b"a") == [value_of(b"a")], world.heard.failures
        # A deadline shorter than a handshake: connects run behind, so it works all the same.
        async with remote_world(url, tls=files, deadline_s=0.01) as world:
            await world.recovered(b"b")
        async with remote_world(url, tls=TlsFiles(ca=files.ca), deadline_s=0.1) as world:
            assert await world.get(b"a") == [None]
        async with remote_world(url, deadline_s=0.1) as world:
            assert await world.get(b"a") == [None]


def certificates(folder: Path) -> TlsFiles:
    """An authority, and certificates of it for localhost and for a client."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name in ("server", "client"):
        issued = authority.issue_cert("localhost")
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        issued.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
    return TlsFiles(folder / "ca.pem", folder / "client.pem", folder / "client.key")
