"""Redis fails in every way behind a real gateway: no search fails, and it recovers by itself.

One gateway lives through all of it, one failure after the other, and is never touched.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from ctr_bench.cable import Fault
from ctr_bench.metrics_page import total_of
from ctr_client.aio_client import AsyncPredictionClient
from ctr_client.messages import Item, search
from tests.support.gateway import running_gateway
from tests.support.redis_gateway import DEADLINE_S, RedisGateway, redis_gateway
from tests.support.redis_server import free_port
from tests.support.remote_world import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEARCHES = 30
GARBAGE = "for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('SET', key, 'garbage') end"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisGateway]:
    """One for all tests."""
    async with redis_gateway(tmp_path_factory.mktemp("redis")) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def world(started: RedisGateway) -> RedisGateway:
    """It, in good health."""
    await started.recovered()
    return started


async def test_healthy(world: RedisGateway) -> None:
    """Titles come from Redis, scores and token ids go there, and nothing fails."""
    await world.searches(SEARCHES)
    for layer in ("tokens", "scores", "features"):
        assert await world.metric("ctr_remote_keys_total", layer=layer) > 0
    assert await world.metric("ctr_feature_ids_total", entity="item", outcome="store") > 0


async def test_dead(world: RedisGateway) -> None:
    """Nobody listens and every connection is gone; then the very data are back."""
    before = await world.failures("read", "connect")
    await world.cable.cut()
    assert await world.searches(SEARCHES) > 0
    assert await world.failures("read", "connect") > before
    assert await world.metric("ctr_remote_breaker_state", side="read") > 0
    await world.cable.heal()
    await world.recovered()


async def test_slow(world: RedisGateway) -> None:
    """Each reply comes 50 ms late: a few reads pay their limit, then Redis is left alone."""
    before = await world.failures("read", "timeout")
    world.cable.fault = Fault.SLOW
    assert await world.searches(SEARCHES) > 0
    assert await world.failures("read", "timeout") > before
    assert await world.metric("ctr_remote_breaker_state", side="read") > 0
    await world.cable.heal()
    await world.recovered()


async def test_slow_where_it_holds_no_features(world: RedisGateway) -> None:
    """A gateway that shares scores and token ids alone finds out as well, and stops waiting."""
    flags = ("--redis-url", world.cable.url, "--redis-deadline-s", DEADLINE_S)
    with running_gateway(world.folder / "bundle", *flags) as gateway:
        world.cable.fault = Fault.SLOW
        async with AsyncPredictionClient(gateway.target) as client:
            for number in range(SEARCHES):
                asked = search(f"mug {number}", [Item("a", f"cup {number}")])
                answer = await client.predict_clicks(asked, deadline_s=9)
                assert not answer.degraded
        page = await asyncio.to_thread(gateway.metrics)
        assert total_of(page, "ctr_remote_breaker_state", {"side": "read"}) > 0
    await world.cable.heal()


async def test_flushed(world: RedisGateway) -> None:
    """Emptied, it knows no item; caches fill by themselves, and a load brings the items back."""
    world.redis.command("FLUSHALL")
    assert await world.searches(SEARCHES) == SEARCHES * 3
    assert int(world.redis.command("DBSIZE")) > 0
    await world.load_items()
    await world.recovered()


async def test_restarted(world: RedisGateway) -> None:
    """Killed in the middle of searches and started again, empty, on the same port."""
    world.redis.stop()
    assert await world.searches(SEARCHES) > 0
    world.redis.start()
    assert await world.searches(SEARCHES) > 0
    await world.load_items()
    await world.recovered()


async def test_read_only(world: RedisGateway) -> None:
    """Turned into a replica it refuses writes; items are read on, and writes come back later."""
    before = await world.failures("write", "read_only")
    world.redis.command("REPLICAOF", "127.0.0.1", str(free_port()))
    await world.searches(SEARCHES)
    assert await world.failures("write", "read_only") > before
    await eventually(world.finds_titles)
    world.redis.command("REPLICAOF", "NO", "ONE")
    await world.recovered()


async def test_out_of_memory(world: RedisGateway) -> None:
    """Full and without eviction it refuses writes; items are read on."""
    before = await world.failures("write", "out_of_memory")
    world.redis.command("CONFIG", "SET", "maxmemory", "1")
    await world.searches(SEARCHES)
    assert await world.failures("write", "out_of_memory") > before
    await eventually(world.finds_titles)
    world.redis.command("CONFIG", "SET", "maxmemory", "0")
    await world.recovered()


async def test_garbage(world: RedisGateway) -> None:
    """Every value is overwritten by somebody else: found out, told, and never believed."""
    before = await world.metric("ctr_remote_corrupt_values_total")
    world.redis.command("EVAL", GARBAGE, "0")
    assert await world.searches(SEARCHES) == SEARCHES * 3
    assert await world.metric("ctr_remote_corrupt_values_total") > before
    await world.load_items()
    await world.recovered()


@pytest.mark.parametrize("fault", [Fault.GARBLED, Fault.CUT_SHORT, Fault.CLOSING, Fault.BLACK_HOLE])
async def test_a_broken_cable(world: RedisGateway, fault: Fault) -> None:
    """Replies are garbled, cut short, closed upon, or never come."""
    before = await world.metric("ctr_remote_failures_total", side="read")
    world.cable.fault = fault
    assert await world.searches(SEARCHES) > 0
    assert await world.metric("ctr_remote_failures_total", side="read") > before
    await world.cable.heal()
    await world.recovered()
