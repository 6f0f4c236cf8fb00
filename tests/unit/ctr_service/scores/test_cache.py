"""Claims of `ctr_service.scores.cache`."""

from __future__ import annotations

import random
from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from ctr_service.scores.cache import ENTRY_OVERHEAD_BYTES, TTL_JITTER, Score, ScoreCache

TTL_NS = 1_000
ROOM_FOR_THREE = 3 * (ENTRY_OVERHEAD_BYTES + 2 * 60)


def make_cache(max_bytes: int = 1 << 20) -> ScoreCache:
    """Return an empty cache."""
    return ScoreCache(max_bytes=max_bytes, ttl_ns=TTL_NS, rng=random.Random(0))  # noqa: S311 -- jitter, no secret


def test_a_score_is_found_by_its_segments_alone() -> None:
    """The very segments give the logit and the cut texts; any other segment gives nothing."""
    cache = make_cache()
    cache.put(Score(("query", "title"), 0.25, ("title",)), 0)
    known = cache.get(("query", "title"), 1)
    assert known is not None
    assert (known.logit, known.cut_texts) == (0.25, ("title",))
    assert cache.get(("query", "other"), 1) is None
    assert (cache.hits, cache.misses) == (1, 1)


def test_a_score_expires_about_its_time_to_live_and_stays_as_stale() -> None:
    """Its life is the time to live, a tenth less or more; after it the score is still there."""
    cache = make_cache()
    ends = set()
    for number in range(50):
        cache.put(Score(("q", str(number)), 1.0, ()), 0)
        known = cache.get(("q", str(number)), 10 * TTL_NS)
        assert known is not None
        ends.add(known.expires_ns)
    assert min(ends) >= TTL_NS * (1 - TTL_JITTER) - 1
    assert max(ends) <= TTL_NS * (1 + TTL_JITTER)
    assert len(ends) > 10
    assert (cache.hits, cache.stale) == (0, 50)


@given(st.lists(st.tuples(st.sampled_from("pg"), st.integers(0, 5)), max_size=60))
def test_the_least_recently_used_goes_first(steps: list[tuple[str, int]]) -> None:
    """Whatever is put and got, the cache holds the last three used, and never more bytes."""
    cache, model = make_cache(ROOM_FOR_THREE), OrderedDict[int, None]()
    for kind, number in steps:
        key = ("q", f"t{number}" + "x" * 2)
        if kind == "p":
            cache.put(Score(key, float(number), ()), 0)
            model[number] = None
            model.move_to_end(number)
            while len(model) > 3:
                model.popitem(last=False)
        else:
            known = cache.get(key, 0)
            assert (known is not None) == (number in model)
            if known is not None:
                assert known.logit == number
                model.move_to_end(number)
        assert len(cache) == len(model)
        assert cache.size_bytes <= ROOM_FOR_THREE
