"""Claims of `ctr_service.features.cache`: how long entities stay, and what goes first."""

from __future__ import annotations

from ctr_service.bundle.features import Entity
from ctr_service.features.cache import CachePolicy, EntityCache, Entry
from ctr_service.features.store import StoredEntity

ITEM = Entity.ITEM
TTL_NS, NEGATIVE_NS = 1_000, 100
MUG = StoredEntity("mug")


def entry_of(cache: EntityCache, id_: str) -> Entry:
    """An entry that must be there."""
    entry = cache.get(ITEM, id_)
    assert entry is not None
    return entry


def test_lives_are_shortened_by_chance_so_that_not_all_end_at_once() -> None:
    """By up to the jitter's share of the time to live, refresh with it."""
    draws = iter((0.0, 0.5, 1.0))
    policy = CachePolicy(ttl_ns=TTL_NS, jitter=0.2, early=0.25)
    cache = EntityCache(policy, lambda: next(draws))
    for id_ in "abc":
        cache.put(ITEM, id_, MUG, 0)
    assert [entry_of(cache, id_).expires_at_ns for id_ in "abc"] == [1_000, 900, 800]
    assert [entry_of(cache, id_).refresh_at_ns for id_ in "abc"] == [750, 675, 600]


def test_that_there_is_no_such_id_is_kept_for_a_time_of_its_own() -> None:
    """Usually a short one: the item may have been added since."""
    policy = CachePolicy(ttl_ns=TTL_NS, negative_ttl_ns=NEGATIVE_NS, jitter=0)
    cache = EntityCache(policy, lambda: 0.5)
    cache.put(ITEM, "a", MUG, 0)
    cache.put(ITEM, "none", None, 0)
    assert entry_of(cache, "a").expires_at_ns == TTL_NS
    assert entry_of(cache, "none").value is None
    assert entry_of(cache, "none").expires_at_ns == NEGATIVE_NS


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    """`--feature-cache-bytes 0` turns the layer in process off."""
    cache = EntityCache(CachePolicy(max_bytes=0), lambda: 0.5)
    cache.put(ITEM, "a", MUG, 0)
    assert (cache.get(ITEM, "a"), len(cache), cache.size_bytes) == (None, 0, 0)
