"""A real Redis with its cable cut: each failure by name. No call fails; it recovers by itself."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from ctr_bench.cable import Fault, cable_to
from ctr_service.breaker import BreakerState
from ctr_service.remote.base import DropCause, FailureKind, Side
from tests.support.redis_server import RedisServer, free_port, running_redis
from tests.support.remote_world import eventually, remote_world, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_service.remote.layer import CacheLayer

KEYS = tuple(b"k%d" % n for n in range(200))
SHORT_S = 0.02


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    """One server for the tests that leave it as it is."""
    with running_redis() as server:
        yield server


@pytest.fixture
def redis(shared: RedisServer) -> RedisServer:
    """That server, empty."""
    shared.command("FLUSHALL")
    return shared


async def test_values_come_back_under_their_keys(redis: RedisServer) -> None:
    """What was put is read, chunk by chunk, in order; the rest is a miss."""
    async with remote_world(redis.url) as world:
        await world.put(*KEYS)
        found = await world.get(*KEYS, b"other")
        assert found == [*map(value_of, KEYS), None]
        assert (world.heard.hits, world.heard.misses) == (len(KEYS), 1)
        assert world.heard.written == len(KEYS)
        assert not world.heard.failures


async def test_many_keys_are_asked_for_in_bounded_chunks(redis: RedisServer) -> None:
    """Redis serves nobody else during an MGET: 200 keys are four of them, one exchange."""
    async with cable_to(redis.port) as cable, remote_world(cable.url) as world:
        await world.put(*KEYS)
        redis.command("CONFIG", "RESETSTAT")
        requests = cable.requests
        await world.get(*KEYS)
        assert cable.requests == requests + 1
    assert b"cmdstat_mget:calls=4," in redis.command("INFO", "commandstats")


async def test_values_expire_at_different_times(redis: RedisServer) -> None:
    """Every value has a time to live, at most what was asked for, and jittered."""
    async with remote_world(redis.url) as world:
        await world.put(*KEYS[:20])
        left = {int(redis.command("PTTL", b"ctr:test:" + key)) for key in KEYS[:20]}
        assert all(0 < ttl_ms <= 600_000 for ttl_ms in left)
        assert len(left) > 10


async def test_dead_at_start() -> None:
    """With nobody on the port calls miss at once, and work when the server comes."""
    port = free_port()
    async with remote_world(f"redis://127.0.0.1:{port}", deadline_s=SHORT_S) as world:
        for _ in range(20):
            assert await world.get(*KEYS) == [None] * len(KEYS)
        await world.put(b"a")
        assert world.heard.failures[Side.READ, FailureKind.CONNECT] >= 1
        assert (Side.READ, BreakerState.OPEN) in world.heard.states
        with running_redis(port=port):
            await world.recovered(b"a")


async def test_dies_and_restarts() -> None:
    """A killed server is a miss; started again on the same port, empty, it is used again."""
    with running_redis() as server:
        async with remote_world(server.url, deadline_s=0.1) as world:
            await world.recovered(b"a")
            server.stop()
            for _ in range(20):
                assert await world.get(b"a") == [None]
            server.start()
            await world.recovered(b"b")
            assert await world.get(b"a") == [None]


async def test_a_restart_between_two_calls_costs_no_call() -> None:
    """Connections that died while idle are replaced within the call that finds out."""
    with running_redis() as server:
        async with remote_world(server.url) as world:
            await asyncio.gather(*(world.get(b"a") for _ in range(8)))
            server.stop()
            server.start()
            await world.put(b"a")
            assert await world.get(b"a") == [value_of(b"a")]
            assert not world.heard.failures


async def test_slow(redis: RedisServer) -> None:
    """With each reply 50 ms late a call returns at its deadline, then at once; then it recovers."""
    async with cable_to(redis.port) as cable, remote_world(cable.url, deadline_s=SHORT_S) as world:
        await world.recovered(b"a")
        cable.fault = Fault.SLOW
        for _ in range(30):
            assert await world.get(b"a") == [None]
        assert (Side.READ, BreakerState.OPEN) in world.heard.states
        # Few calls paid for finding out; the rest waited for nothing.
        assert world.heard.failures[Side.READ, FailureKind.TIMEOUT] <= 15
        await cable.heal()
        await world.recovered(b"a")


async def test_a_late_reply_is_nobody_elses(redis: RedisServer) -> None:
    """After a timeout the connection is dropped: its late reply answers no later call."""
    async with cable_to(redis.port) as cable, remote_world(cable.url, max_connections=1) as world:
        await world.put(b"a", b"b")
        cable.fault = Fault.BLACK_HOLE
        before = cable.connections
        assert await world.get(b"a", within_s=SHORT_S) == [None]
        cable.fault = Fault.NONE
        assert await world.get(b"b") == [value_of(b"b")]
        assert cable.connections == before + 1


async def test_flushed(redis: RedisServer) -> None:
    """An emptied server misses and takes values again."""
    async with remote_world(redis.url) as world:
        await world.put(*KEYS)
        redis.command("FLUSHALL")
        assert await world.get(*KEYS) == [None] * len(KEYS)
        await world.put(b"a")
        assert await world.get(b"a") == [value_of(b"a")]
        assert not world.heard.failures


async def test_read_only_replica(redis: RedisServer) -> None:
    """A replica answers reads; writes are dropped, and taken again when it becomes a master."""
    async with remote_world(redis.url) as writer:
        await writer.put(b"a")
    with running_redis("--replicaof", "127.0.0.1", str(redis.port)) as replica:
        async with remote_world(replica.url) as world:

            async def synced() -> bool:
                return await world.get(b"a") == [value_of(b"a")]

            await eventually(synced)
            for _ in range(20):
                await world.put(b"b")
            assert world.heard.failures[Side.WRITE, FailureKind.READ_ONLY] >= 1
            assert world.heard.dropped[DropCause.BREAKER_OPEN] >= 1
            assert await world.get(b"a") == [value_of(b"a")]
            replica.command("REPLICAOF", "NO", "ONE")
            await world.recovered(b"b")


async def test_out_of_memory() -> None:
    """A full server without eviction answers reads; writes go on when there is room again."""
    with running_redis("--maxmemory-policy", "noeviction") as server:
        async with remote_world(server.url) as world:
            await world.put(b"a")
            server.command("CONFIG", "SET", "maxmemory", "1")
            for _ in range(20):
                await world.put(b"b")
            assert world.heard.failures[Side.WRITE, FailureKind.OUT_OF_MEMORY] >= 1
            assert await world.get(b"a", b"b") == [value_of(b"a"), None]
            assert (Side.READ, BreakerState.OPEN) not in world.heard.states
            server.command("CONFIG", "SET", "maxmemory", "0")
            await world.recovered(b"b")


async def test_garbage_values(redis: RedisServer) -> None:
    """Foreign bytes, a value cut short and another key's value are all no answer."""
    async with remote_world(redis.url) as world:
        await world.put(b"a", b"b", b"c", b"d")
        whole = redis.command("GET", b"ctr:test:b")
        redis.command("SET", b"ctr:test:a", b"garbage")
        redis.command("SET", b"ctr:test:b", whole[:-1])
        redis.command("SET", b"ctr:test:c", whole)
        assert await world.get(b"a", b"b", b"c", b"d") == [None, None, None, value_of(b"d")]
        assert world.heard.corrupt == 3


async def test_wrongtype(redis: RedisServer) -> None:
    """A key that holds a list is a miss, its neighbours are read, and a put repairs it."""
    async with remote_world(redis.url) as world:
        await world.put(b"b")
        redis.command("LPUSH", b"ctr:test:a", b"x")
        assert await world.get(b"a", b"b") == [None, value_of(b"b")]
        await world.put(b"a")
        assert await world.get(b"a") == [value_of(b"a")]


@pytest.mark.parametrize("fault", [Fault.GARBLED, Fault.CUT_SHORT, Fault.CLOSING])
async def test_a_noisy_cable(redis: RedisServer, fault: Fault) -> None:
    """Garbled, cut-off and closed replies are misses; once healed everything is as before."""
    async with cable_to(redis.port) as cable, remote_world(cable.url, deadline_s=0.1) as world:
        await world.recovered(b"a")
        cable.fault = fault
        for _ in range(20):
            assert await world.get(b"a") == [None]
            await world.put(b"b")
        assert world.heard.failures
        await cable.heal()
        await world.recovered(b"a")


async def test_a_black_hole(redis: RedisServer) -> None:
    """A server that takes requests and says nothing costs the deadline, then nothing."""
    async with cable_to(redis.port) as cable, remote_world(cable.url, deadline_s=SHORT_S) as world:
        await world.recovered(b"a")
        cable.fault = Fault.BLACK_HOLE
        for _ in range(20):
            assert await world.get(b"a") == [None]
        assert world.heard.failures[Side.READ, FailureKind.TIMEOUT] >= 5
        await cable.heal()
        await world.recovered(b"a")


async def test_a_cut_cable(redis: RedisServer) -> None:
    """A cable cut in the middle of calls and mended later."""
    async with cable_to(redis.port) as cable, remote_world(cable.url, deadline_s=0.1) as world:
        await world.recovered(b"a")
        calls = [asyncio.create_task(world.get(b"a")) for _ in range(50)]
        await asyncio.sleep(0)
        await cable.cut()
        for found in await asyncio.gather(*calls):
            assert found in ([None], [value_of(b"a")])
        assert await world.get(b"a") == [None]
        await cable.heal()
        await world.recovered(b"a")


async def test_wrong_password() -> None:
    """A refused password is a miss and is told as such; the right user may read and write."""
    with running_redis("--requirepass", "secret") as server:
        wrong = f"redis://:wrong@127.0.0.1:{server.port}"
        async with remote_world(wrong, deadline_s=0.1) as world:
            for _ in range(20):
                assert await world.get(b"a") == [None]
            assert world.heard.failures[Side.READ, FailureKind.AUTH] >= 1
        async with remote_world(f"redis://:secret@127.0.0.1:{server.port}") as world:
            await world.put(b"a")
            assert await world.get(b"a") == [value_of(b"a")]


async def test_an_acl_user_with_three_commands() -> None:
    """A user who may GET, MGET and SET below one prefix is enough: nothing else is ever sent."""
    acl = [
        "--user",
        "cache",
        "on",
        ">pw",
        "~ctr:*",
        "-@all",
        "+get",
        "+mget",
        "+set",
        "+auth",
        "+select",
    ]
    with running_redis(*acl) as server:
        url = f"redis://cache:pw@127.0.0.1:{server.port}/1"
        async with remote_world(url) as world:
            await world.put(b"a")
            assert await world.get(b"a") == [value_of(b"a")]
            assert not world.heard.failures
        log = server.command("ACL", "LOG")
        assert log == b"0", log


async def test_a_crowd_beyond_the_connections_waits(redis: RedisServer) -> None:
    """More calls at once than connections are all answered, on no more connections than allowed."""
    async with cable_to(redis.port) as cable, remote_world(cable.url, max_connections=2) as world:
        await world.put(*KEYS)
        found = await asyncio.gather(*(world.get(key) for key in KEYS[:30]))
        assert found == [[value_of(key)] for key in KEYS[:30]]
        assert cable.connections <= 2


async def test_cancelled_callers_never_mix_up_answers(redis: RedisServer) -> None:
    """4,000 calls, a third cancelled, some late, over a jittery cable: each answer is its key's."""
    rng = random.Random(11)  # noqa: S311 -- repeatable, no secret
    cancelled = answered = 0

    async def ask(layer: CacheLayer, world_now: int) -> list[bytes]:
        keys = rng.sample(KEYS, rng.randint(1, 6))
        allowed_ns = rng.choice((3_000_000, 10**9, 10**9))
        found = await layer.get_many(keys, deadline_ns=world_now + allowed_ns)
        for key, value in zip(keys, found, strict=True):
            assert value in (None, value_of(key))
        return [value for value in found if value is not None]

    async with cable_to(redis.port) as cable, remote_world(cable.url, max_connections=8) as world:
        await world.put(*KEYS)
        for _ in range(40):
            cable.fault = rng.choice((Fault.NONE, Fault.NONE, Fault.NONE, Fault.SLOW))
            cable.delay_s = 0.002
            now = world.clock.now_ns()
            calls = [asyncio.create_task(ask(world.layer, now)) for _ in range(100)]
            for call in calls:
                if rng.random() < 1 / 3:
                    if rng.random() < 0.5:
                        await asyncio.sleep(0)
                    call.cancel()
            for result in await asyncio.gather(*calls, return_exceptions=True):
                if isinstance(result, asyncio.CancelledError):
                    cancelled += 1
                else:
                    assert isinstance(result, list), result
                    answered += bool(result)
        assert cancelled > 800
        assert answered > 800
        assert world.heard.corrupt == 0
        assert await world.get(*KEYS) == [value_of(key) for key in KEYS]


async def test_closing_ends_everything(redis: RedisServer) -> None:
    """After closing, calls miss, puts are dropped, and no connection is left."""
    async with cable_to(redis.port) as cable, remote_world(cable.url) as world:
        await world.put(b"a")
        cable.fault = Fault.BLACK_HOLE
        call = asyncio.create_task(world.get(b"a"))
        await asyncio.sleep(0)
        await world.hub.close()
        assert await call == [None]
        assert await world.get(b"a") == [None]
        world.layer.put_soon([(b"a", b"x")], ttl_s=1)
        assert world.heard.dropped[DropCause.CLOSED] == 1
