"""A gateway on a Redis whose cable can be cut, beside one without Redis that knows the answers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.cable import Cable, cable_to
from ctr_bench.metrics_page import total_of
from ctr_client.aio_client import AsyncPredictionClient
from ctr_client.messages import Item, search
from ctr_client.options import ClientOptions
from ctr_service.cli import main
from ctr_service.features.stage import TITLE
from tests.support.gateway import Gateway, running_gateway
from tests.support.redis_server import RedisServer, running_redis
from tests.support.remote_world import eventually
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

IDS = 6_000
IDS_A_SEARCH = 3
WHOLE_A_SEARCH = 2
SIDE_BY_SIDE = 3
CALL_S = 9.0
DEADLINE_S = "0.04"
"""Of a read from Redis: longer than a busy machine takes, shorter than a slow cable's 50 ms."""
FLAGS = (
    *("--redis-features", "--redis-deadline-s", DEADLINE_S, "--feature-budget-s", "0.05"),
    # One session: a slot waits for nobody, and CI has two cores for everything.
    *("--sessions", "1", "--threads", "1"),
)


@dataclass
class RedisGateway:
    """Both gateways, a client of each, and what stands behind them.

    Attributes:
        gateway: reads items from Redis over the cable, and shares its caches there.
        shared, alone: clients of it, and of a gateway that has no Redis.
    """

    redis: RedisServer
    cable: Cable
    gateway: Gateway
    shared: AsyncPredictionClient
    alone: AsyncPredictionClient
    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def load_items(self) -> None:
        """Put every item's title into Redis, as an operator does."""
        await asyncio.to_thread(load_items, self.folder, self.redis.url)

    async def searches(self, times: int) -> int:
        """Search, some side by side, and check every answer; return the items without a title."""
        bare = 0
        for _ in range(0, times, SIDE_BY_SIDE):
            bare += sum(await asyncio.gather(*(self.search() for _ in range(SIDE_BY_SIDE))))
        return bare

    async def search(self) -> int:
        """Ask for texts and ids that no cache in process knows; return the ids without a title.

        Whatever Redis does, the answer is whole: the very numbers that a gateway without Redis
        gives, for an item by id those of its title, or those of no title with a word about it.
        """
        number = next(self.numbers)
        query = f"query {number}"
        ids = [number * IDS_A_SEARCH % IDS + place for place in range(IDS_A_SEARCH)]
        whole = [Item(f"w{place}", f"lamp {number} {place}") for place in range(WHOLE_A_SEARCH)]
        by_id = [Item(f"i{n}") for n in ids]
        titled = [Item(f"i{n}", title_of(n)) for n in ids]
        answer = await self.shared.predict_clicks(
            search(query, [*whole, *by_id]), deadline_s=CALL_S
        )
        with_titles, without = await asyncio.gather(
            self.alone.predict_clicks(search(query, [*whole, *titled]), deadline_s=CALL_S),
            self.alone.predict_clicks(search(query, [*whole, *by_id]), deadline_s=CALL_S),
        )
        assert not answer.degraded
        bare = 0
        for ours, best, worst in zip(
            answer.predictions, with_titles.predictions, without.predictions, strict=True
        ):
            assert ours.status == pb.PREDICTION_STATUS_SCORED
            has_no_title = TITLE in ours.defaulted_features
            expected = worst if has_no_title else best
            assert ours.click_probability == pytest.approx(expected.click_probability, abs=1e-6)
            bare += has_no_title
        return bare

    async def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that have the labels."""
        return total_of(await asyncio.to_thread(self.gateway.metrics), name, labels)

    async def failures(self, side: str, kind: str) -> float:
        """Return how often an exchange with Redis failed so."""
        return await self.metric("ctr_remote_failures_total", side=side, kind=kind)

    async def finds_titles(self) -> bool:
        """Search once, and say whether every id had its title."""
        return await self.search() == 0

    async def recovered(self) -> None:
        """Search until titles come back and values are written; nobody touches the gateway."""
        written = await self.metric("ctr_remote_written_values_total")

        async def well() -> bool:
            return (
                await self.search() == 0
                and await self.metric("ctr_remote_breaker_state") == 0
                and await self.metric("ctr_remote_written_values_total") > written
            )

        await eventually(well)


def title_of(number: int) -> str:
    """The stored title of item `i<number>`."""
    return f"stored mug {number}"


def load_items(folder: Path, url: str) -> None:
    """Run `ctr-service features load` on a table of all items."""
    table = folder / "items.csv"
    rows = "".join(f"i{n},{title_of(n)}\n" for n in range(IDS))
    table.write_text(f"item_id,title\n{rows}")
    arguments = ["features", "load", str(table), "--bundle", str(folder / "bundle")]
    done = CliRunner().invoke(main, [*arguments, "--redis-url", url, "--redis-features"])
    assert done.exit_code == 0, done.output


@contextlib.asynccontextmanager
async def redis_gateway(folder: Path) -> AsyncIterator[RedisGateway]:
    """Start everything, healthy and loaded, and leave nothing behind."""
    bundle = make_tiny_bundle(folder / "bundle")
    once = ClientOptions(max_attempts=1)
    with running_redis("--maxmemory-policy", "noeviction") as redis:
        await asyncio.to_thread(load_items, folder, redis.url)
        async with cable_to(redis.port) as cable:
            with (
                running_gateway(bundle, "--redis-url", cable.url, *FLAGS) as gateway,
                running_gateway(bundle) as plain,
            ):
                async with (
                    AsyncPredictionClient(gateway.target, once) as shared,
                    AsyncPredictionClient(plain.target, once) as alone,
                ):
                    yield RedisGateway(redis, cable, gateway, shared, alone, folder)
