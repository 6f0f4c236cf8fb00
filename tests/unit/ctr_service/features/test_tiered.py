"""The cache in process before a store: once, in time, and behind."""

from __future__ import annotations

import asyncio

from ctr_service.bundle.features import Entity
from ctr_service.features.cache import CachePolicy
from ctr_service.features.store import FetchReport, StoredEntity
from ctr_service.features.tiered import TieredPolicy
from ctr_service.limits import NS_PER_S
from tests.support.feature_world import FeatureWorld, settled

ITEM = Entity.ITEM


async def test_an_id_is_asked_for_once() -> None:
    """What the store said is kept, also that there is no such id."""
    world = FeatureWorld()
    world.hold("a")
    for _ in range(2):
        fetched = await world.fetch(ITEM, "a", "none")
        assert fetched.found == {"a": StoredEntity("title a", "v", {"price": 3.0}), "none": None}
        assert (fetched.unanswered, fetched.version) == ((), "1")
    assert world.store.asked == [("a", "none")]
    assert world.reports == [FetchReport(0, 2, 0, 0, 1), FetchReport(2, 0, 0, 0, 1)]


async def test_concurrent_fetches_of_one_id_are_one() -> None:
    """A second caller joins the load, and the first one's cancellation does not harm it."""
    world = FeatureWorld()
    world.hold("a", "b")
    world.store.gate.clear()
    first = asyncio.create_task(world.fetch(ITEM, "a"))
    await settled()
    second = asyncio.create_task(world.fetch(ITEM, "a", "b"))
    await settled()
    first.cancel()
    await settled()
    world.store.gate.set()
    assert set((await second).found) == {"a", "b"}
    assert world.store.asked == [("a",), ("b",)]


async def test_a_late_answer_is_not_waited_for_but_kept() -> None:
    """At the deadline the id is unanswered; when the answer comes it serves the next request."""
    world = FeatureWorld()
    world.hold("a")
    world.store.gate.clear()
    fetched = await world.fetch(ITEM, "a", within_s=0.001)
    assert (fetched.found, fetched.unanswered) == ({}, ("a",))
    world.store.gate.set()
    await settled()
    assert "a" in (await world.fetch(ITEM, "a")).found
    assert world.store.asked == [("a",)]


async def test_most_ids_at_hand_means_no_waiting() -> None:
    """Above the hit rate the rest is loaded behind (the HPS rule)."""
    world = FeatureWorld(tiered=TieredPolicy(hit_rate=0.5))
    world.hold("a", "b")
    await world.fetch(ITEM, "a")
    world.store.gate.clear()
    fetched = await world.fetch(ITEM, "a", "b")
    assert (set(fetched.found), fetched.unanswered) == ({"a"}, ("b",))
    world.store.gate.set()
    await settled()
    assert (await world.fetch(ITEM, "b")).found["b"] is not None


async def test_short_of_time_means_no_waiting() -> None:
    """With less time than a store takes, ids are loaded behind at once."""
    world = FeatureWorld(tiered=TieredPolicy(min_wait_ns=NS_PER_S))
    world.hold("a")
    assert (await world.fetch(ITEM, "a", within_s=0.5)).unanswered == ("a",)
    await settled()
    assert "a" in (await world.fetch(ITEM, "a", within_s=0.5)).found


async def test_an_entry_is_refreshed_before_it_expires() -> None:
    """Late in its life an entry is still served, and asked for again behind."""
    world = FeatureWorld(cache=CachePolicy(ttl_ns=100, jitter=0, early=0.2))
    world.hold("a")
    await world.fetch(ITEM, "a")
    world.store.held["a"] = StoredEntity("new")
    world.clock.advance_ns(80)
    assert (await world.fetch(ITEM, "a")).found["a"] == StoredEntity("title a", "v", {"price": 3.0})
    await settled()
    assert (await world.fetch(ITEM, "a")).found["a"] == StoredEntity("new")
    assert len(world.store.asked) == 2


async def test_an_expired_entry_stands_in_for_a_store_that_is_down() -> None:
    """An old title beats none; an old "no such id" does not."""
    world = FeatureWorld(cache=CachePolicy(ttl_ns=100, negative_ttl_ns=100, jitter=0))
    world.hold("a")
    await world.fetch(ITEM, "a", "none")
    world.clock.advance_ns(100)
    world.store.down = True
    fetched = await world.fetch(ITEM, "a", "none")
    assert (set(fetched.found), fetched.unanswered) == ({"a"}, ("none",))
    assert world.reports[-1] == FetchReport(0, 0, 1, 1, 0)


async def test_a_new_version_of_the_data_is_picked_up() -> None:
    """The first answer with another version makes everything cached due; nothing is dropped."""
    world = FeatureWorld()
    world.hold("a", "b", "c")
    await world.fetch(ITEM, "a", "b")
    world.store.version = "2"
    world.store.held["a"] = StoredEntity("new")
    assert (await world.fetch(ITEM, "c")).version == "2"
    assert (await world.fetch(ITEM, "a")).found["a"] != StoredEntity("new")
    await settled()
    assert (await world.fetch(ITEM, "a")).found["a"] == StoredEntity("new")


async def test_values_that_the_model_cannot_take_are_left_out() -> None:
    """A feature of another type, and one the model does not know, are as if not stored."""
    world = FeatureWorld()
    world.store.held["a"] = StoredEntity("t", "", {"price": "dear", "colour": "red", "brand": "x"})
    found = (await world.fetch(ITEM, "a")).found["a"]
    assert found is not None
    assert dict(found.features) == {"brand": "x"}


async def test_the_cache_is_bounded_by_bytes() -> None:
    """The least recently used entries leave; an entry larger than the cache is not kept."""
    world = FeatureWorld(cache=CachePolicy(max_bytes=3_000, jitter=0))
    ids = [str(n) for n in range(50)]
    world.hold(*ids)
    await world.fetch(ITEM, *ids)
    assert 0 < len(world.cache) < 5
    assert world.cache.size_bytes <= 3_000
    assert world.cache.get(ITEM, "49") is not None
    assert world.cache.get(ITEM, "0") is None


async def test_loads_under_way_are_bounded() -> None:
    """Beyond the bound ids are not loaded, and nobody waits for them."""
    world = FeatureWorld(tiered=TieredPolicy(max_flying=2))
    world.hold("a", "b", "c")
    fetched = await world.fetch(ITEM, "a", "b", "c")
    assert (set(fetched.found), fetched.unanswered) == ({"a", "b"}, ("c",))


async def test_closing_ends_the_loads() -> None:
    """A load under way is cancelled, and who waits gets no answer."""
    world = FeatureWorld()
    world.store.gate.clear()
    call = asyncio.create_task(world.fetch(ITEM, "a"))
    await settled()
    await world.tiered.close()
    assert (await call).unanswered == ("a",)
