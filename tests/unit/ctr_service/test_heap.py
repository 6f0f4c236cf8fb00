"""The settled heap."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from ctr_service.heap import YOUNG_OBJECTS, settle_heap

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_the_start_made_is_out_of_sight() -> None:
    """Objects from before are frozen, later ones are still collected, and rounds are rarer."""
    settle_heap()
    assert gc.get_freeze_count() > 1000
    assert gc.get_threshold()[0] == YOUNG_OBJECTS
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1
