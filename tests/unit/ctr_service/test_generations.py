"""Claims of `ctr_service.generations` beside those that the token cache's tests make."""

from __future__ import annotations

import gc
import weakref

from ctr_service.generations import FORGOTTEN_A_PUT, Generations


class Thing:
    """Something whose end can be seen."""


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
