"""One suite over every feature store: loading, versions, and what is said of an id."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ctr_service.bundle.features import Entity
from ctr_service.clock import SystemClock
from ctr_service.features.layout import LAYER
from ctr_service.features.loading import load_table
from ctr_service.features.local_files import store_path
from ctr_service.features.local_store import LocalStore
from ctr_service.features.redis_store import RedisStore
from ctr_service.features.rows import TableError, open_table
from ctr_service.features.store import StoredEntity
from ctr_service.features.targets import LocalTarget, RedisTarget
from ctr_service.limits import NS_PER_S
from tests.support.redis_server import RedisServer, running_redis
from tests.support.remote_world import RemoteWorld, remote_world
from tests.support.tiny_bundle import TINY_SCHEMA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from ctr_service.features.loading import Loaded
    from ctr_service.features.store import FeatureStore, Fetched
    from ctr_service.features.targets import LoadTarget

ITEMS = "item_id,title,item_version,item_price,item_brand,item_colour\n"


class Killed(Exception):  # noqa: N818 -- no error: the test's kill
    """Stands for a kill in the middle of a load."""


class StoreWorld:
    """A store, and loads into it."""

    def __init__(
        self, store: FeatureStore, folder: Path, target: Callable[[Entity], LoadTarget]
    ) -> None:
        self.store = store
        self.folder = folder
        self.target = target

    async def load(
        self, text: str, entity: Entity = Entity.ITEM, *, kill_after: int | None = None
    ) -> Loaded:
        """Load a CSV, or be killed when so many rows are done."""
        path = self.folder / "table.csv"
        path.write_text(text)

        def progress(rows: int) -> None:
            if kill_after is not None and rows >= kill_after:
                raise Killed

        target = self.target(entity)
        try:
            return await load_table(open_table(path, TINY_SCHEMA), target, progress)
        finally:
            if isinstance(target, LocalTarget):
                target.close()

    async def fetch(self, *ids: str, entity: Entity = Entity.ITEM) -> Fetched:
        """Fetch patiently."""
        deadline_ns = SystemClock().now_ns() + 5 * NS_PER_S
        return await self.store.fetch(entity, ids, deadline_ns=deadline_ns)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """One server."""
    with running_redis() as server:
        yield server


@pytest.fixture(params=["local", "redis"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoreWorld]:
    """Each store in turn."""
    if request.param == "local":
        folder = tmp_path / "store"
        store = LocalStore(folder, SystemClock())
        yield StoreWorld(store, tmp_path, lambda entity: LocalTarget(folder, entity))
        await store.close()
        return
    server: RedisServer = request.getfixturevalue("redis")
    server.command("FLUSHALL")
    async with remote_world(server.url) as remote:
        yield StoreWorld(
            RedisStore(remote.hub.layer(LAYER)), tmp_path, lambda e: redis_target(remote, e)
        )


def redis_target(remote: RemoteWorld, entity: Entity) -> RedisTarget:
    """A target that does not wait for readers, because there are none."""
    return RedisTarget(remote.hub._link, "ctr", entity, sleep=no_sleep)


async def no_sleep(seconds: float) -> None:
    """Take no time."""
    assert seconds > 0


def many(count: int, mark: str) -> str:
    """A table of so many items whose titles bear a mark."""
    return "item_id,title\n" + "".join(f"i{n},{mark} {n}\n" for n in range(count))


async def test_what_was_loaded_is_found(world: StoreWorld) -> None:
    """Title, version and typed features come back; an unknown id is known to be none."""
    loaded = await world.load(ITEMS + 'a,"mug, blue",7,3.5,acme,red\nb,cup,,,,\n')
    assert (loaded.rows, loaded.resumed_rows, loaded.changed) == (2, 0, True)
    fetched = await world.fetch("a", "b", "none")
    assert fetched.found == {
        "a": StoredEntity("mug, blue", "7", {"price": 3.5, "brand": "acme"}),
        "b": StoredEntity("cup"),
        "none": None,
    }
    assert (fetched.unanswered, fetched.version) == ((), loaded.version)


async def test_users_have_a_table_of_their_own(world: StoreWorld) -> None:
    """A user's id says nothing of an item's."""
    await world.load("user_id,user_segment\nu,new\n", Entity.USER)
    await world.load("item_id,title\nu,mug\n")
    assert (await world.fetch("u", entity=Entity.USER)).found["u"] == StoredEntity(
        None, "", {"segment": "new"}
    )
    assert (await world.fetch("u")).found["u"] == StoredEntity("mug")


async def test_a_load_replaces_everything_at_once(world: StoreWorld) -> None:
    """A running reader sees the new data without a restart, and ids that are gone are gone."""
    first = await world.load("item_id,title\na,old\nb,old\n")
    assert (await world.fetch("a", "b")).version == first.version
    await world.load("item_id,title\na,new\n")
    assert (await world.fetch("a", "b")).found == {"a": StoredEntity("new"), "b": None}


async def test_a_killed_load_shows_nothing_and_goes_on(world: StoreWorld) -> None:
    """Until the end the old data serve; the same command goes on where it was killed."""
    await world.load(many(5, "old"))
    with pytest.raises(Killed):
        await world.load(many(3_500, "new"), kill_after=2_000)
    found = (await world.fetch("i1", "i4", "i3000")).found
    assert found == {"i1": StoredEntity("old 1"), "i4": StoredEntity("old 4"), "i3000": None}
    loaded = await world.load(many(3_500, "new"))
    assert (loaded.rows, loaded.resumed_rows) == (3_500, 2_000)
    ids = [f"i{n}" for n in range(3_500)]
    found = (await world.fetch(*ids)).found
    assert found == {f"i{n}": StoredEntity(f"new {n}") for n in range(3_500)}


async def test_another_file_does_not_go_on_from_a_killed_load(world: StoreWorld) -> None:
    """Rows of an abandoned load never mix with those of the next."""
    with pytest.raises(Killed):
        await world.load(many(3_000, "abandoned"), kill_after=2_000)
    loaded = await world.load("item_id,title\na,mug\n")
    assert loaded.resumed_rows == 0
    assert (await world.fetch("a", "i1")).found == {"a": StoredEntity("mug"), "i1": None}


async def test_loading_the_same_file_again_changes_nothing(world: StoreWorld) -> None:
    """The very same data are in use already."""
    first = await world.load("item_id,title\na,mug\n")
    again = await world.load("item_id,title\na,mug\n")
    assert (again.version, again.changed) == (first.version, False)


async def test_a_wrong_row_leaves_the_old_data(world: StoreWorld) -> None:
    """The sentence names row and column, nothing of what stands there, and nothing changes."""
    await world.load("item_id,title\na,mug\n")
    with pytest.raises(TableError, match="row 2: item_price must be a finite number") as caught:
        await world.load("item_id,title,item_price\na,new,1\nb,x,canary\n")
    assert "canary" not in str(caught.value)
    assert (await world.fetch("a")).found["a"] == StoredEntity("mug")


async def test_no_time_means_no_answer(world: StoreWorld) -> None:
    """Past its deadline a fetch says nothing of any id."""
    await world.load("item_id,title\na,mug\n")
    fetched = await world.store.fetch(Entity.ITEM, ["a"], deadline_ns=SystemClock().now_ns())
    assert (fetched.found, fetched.unanswered) == ({}, ("a",))


async def test_old_versions_leave_redis(redis: RedisServer, tmp_path: Path) -> None:
    """After loads, a kill among them, Redis holds the newest version, its pointer and its note."""
    redis.command("FLUSHALL")
    async with remote_world(redis.url) as remote:
        world = StoreWorld(
            RedisStore(remote.hub.layer(LAYER)), tmp_path, lambda e: redis_target(remote, e)
        )
        await world.load(many(10, "one"))
        with pytest.raises(Killed):
            await world.load(many(3_000, "abandoned"), kill_after=2_000)
        await world.load(many(7, "two"))
        assert int(redis.command("DBSIZE")) == 7 + 2


async def test_a_flushed_redis_knows_nothing(redis: RedisServer, tmp_path: Path) -> None:
    """Without its pointer no id is said to be missing; a load brings everything back."""
    async with remote_world(redis.url) as remote:
        world = StoreWorld(
            RedisStore(remote.hub.layer(LAYER)), tmp_path, lambda e: redis_target(remote, e)
        )
        await world.load("item_id,title\na,mug\n")
        redis.command("FLUSHALL")
        assert (await world.fetch("a")).unanswered == ("a",)
        await world.load("item_id,title\na,mug\n")
        assert (await world.fetch("a")).found["a"] == StoredEntity("mug")


async def test_a_damaged_local_file_answers_nothing_until_it_is_replaced(tmp_path: Path) -> None:
    """Garbage where the file was is no answer and no error."""
    folder = tmp_path / "store"
    store = LocalStore(folder, SystemClock())
    world = StoreWorld(store, tmp_path, lambda entity: LocalTarget(folder, entity))
    await world.load("item_id,title\na,mug\n")
    path = store_path(folder, Entity.ITEM)
    path.unlink()
    path.write_bytes(b"garbage" * 1_000)
    assert (await world.fetch("a")).unanswered == ("a",)
    await world.load("item_id,title\na,cup\n")
    assert (await world.fetch("a")).found["a"] == StoredEntity("cup")
    await store.close()
    assert (await world.fetch("a")).unanswered == ("a",)


async def test_readers_never_see_half_of_a_version(world: StoreWorld) -> None:
    """While loads follow one another, each fetch sees the items of one version alone."""
    marks = ("one", "two", "three", "four")
    await world.load(many(50, "zero"))
    done = asyncio.Event()

    async def read() -> int:
        fetches = 0
        while not done.is_set():
            found = (await world.fetch(*(f"i{n}" for n in range(50)))).found
            titles: list[Any] = [entity.title for entity in found.values() if entity is not None]
            assert len(titles) in (0, 50)
            assert len({title.split()[0] for title in titles}) <= 1
            fetches += 1
        return fetches

    reader = asyncio.create_task(read())
    for mark in marks:
        await world.load(many(50, mark))
        await world.fetch("i0")  # a local load never yields: this lets the reader in
    done.set()
    assert await reader > 0
