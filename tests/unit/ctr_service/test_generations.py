"""Claims of `ctr_service.generations` beside those that the token cache's tests make."""

from __future__ import annotations

import gc
import weakref

from hypothesis import given
from hypothesis import strategies as st

from ctr_service.generations import FORGOTTEN_A_PUT, Generations


class Thing:
    """Something whose end can be seen."""


class Sized:
    """Something of a size."""

    def __init__(self, size: int) -> None:
        self.size = size


def test_a_generation_is_freed_a_few_entries_at_a_time() -> None:
    """When the old ones go, each newcomer frees a few of them, until none is left."""
    entries = 3 * FORGOTTEN_A_PUT
    cache: Generations[int, Thing] = Generations(2 * entries, lambda _, __: 1)
    alive = []
    for key in range(2 * entries):
        thing = Thing()
        alive.append(weakref.ref(thing))
        cache.put(key, thing)
    del thing
    gc.disable()
    try:
        left = []
        for key in range(2 * entries, 2 * entries + 5):
            cache.put(key, Thing())
            left.append(sum(ref() is not None for ref in alive[:entries]))
    finally:
        gc.enable()
    assert left == [entries - FORGOTTEN_A_PUT * n for n in (1, 2, 3)] + [0, 0]
    assert all(ref() is not None for ref in alive[entries:])


@given(
    costs=st.lists(st.integers(1, 40), max_size=200),
    max_bytes=st.integers(0, 300),
)
def test_what_is_not_freed_yet_counts(costs: list[int], max_bytes: int) -> None:
    """Small entries go while large ones come: what is held, all three kinds, is in the bound."""
    cache: Generations[int, Sized] = Generations(max_bytes, lambda _, value: value.size)
    alive: weakref.WeakSet[Sized] = weakref.WeakSet()
    for key, cost in enumerate(costs):
        value = Sized(cost)
        alive.add(value)
        cache.put(key, value)
        del value
        assert cache.size_bytes == sum(held.size for held in alive) <= max_bytes
