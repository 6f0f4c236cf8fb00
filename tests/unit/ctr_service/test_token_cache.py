"""Claims of `ctr_service.bundle.token_cache`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.bundle.token_cache import TokenCache

COST_BYTES = 4 + 8 + 200
"""Of a text of one character with two ids."""
IDS = bytes(8)


def filled(texts: str, *, generation: int) -> TokenCache:
    """A cache of so many texts a generation, with these put one after another."""
    cache = TokenCache(2 * generation * COST_BYTES)
    for text in texts:
        cache.put(text, IDS)
    return cache


def test_what_is_read_outlives_what_is_not() -> None:
    """Of the older generation, a read keeps a text; the others go when the young fill up."""
    cache = filled("abcd", generation=2)
    assert cache.get_many("a") == ({"a": IDS}, [])
    cache.put("e", IDS)
    cache.put("f", IDS)
    assert cache.unknown("abcdef") == ["b", "c", "d"]


def test_texts_are_counted_once_a_question() -> None:
    """Hits and misses are counted by text; a miss is told once, however often it was asked."""
    cache = filled("ab", generation=2)
    assert cache.get_many("abxax") == ({"a": IDS, "b": IDS}, ["x"])
    assert (cache.hits, cache.misses) == (2, 1)
    assert cache.get_young("aab") == [IDS, IDS, IDS]
    assert (cache.hits, cache.misses) == (5, 1)


def test_a_text_that_is_not_young_is_asked_for_otherwise() -> None:
    """Neither an old text nor an unknown one is among the young, and nothing is counted."""
    cache = filled("abc", generation=2)
    for texts in ("ca", "cx"):
        with pytest.raises(KeyError):
            cache.get_young(texts)
    assert (cache.hits, cache.misses) == (0, 0)


def test_looking_without_counting_keeps_nothing() -> None:
    """What others share is looked at without making it younger."""
    cache = filled("abc", generation=2)
    assert cache.peek("abx") == {"a": IDS, "b": IDS}
    assert (cache.hits, cache.misses) == (0, 0)
    with pytest.raises(KeyError):
        cache.get_young("a")


@given(
    steps=st.lists(st.tuples(st.booleans(), st.text("abcdefgh", min_size=1, max_size=9))),
    max_bytes=st.integers(0, 3_000),
)
def test_it_is_bounded_and_true(steps: list[tuple[bool, str]], max_bytes: int) -> None:
    """Whatever is put and read: never over the bound, and a known text has its own ids."""
    cache = TokenCache(max_bytes)
    for puts, text in steps:
        if puts:
            cache.put(text, text.encode())
        else:
            found, missing = cache.get_many([text])
            assert found == ({} if missing else {text: text.encode()})
        assert cache.size_bytes <= max_bytes
        assert cache.size_bytes >= (COST_BYTES - 12) * len(cache)
    assert (cache.size_bytes == 0) == (len(cache) == 0)
