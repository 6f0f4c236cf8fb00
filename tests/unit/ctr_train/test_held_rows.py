"""Claims about which held-out rows are evaluated."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctr_train.held_rows import limit_rows

groups = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60)


@given(group=groups, most=st.integers(1, 60), seed=st.integers(0, 99))
def test_the_limit_holds_and_groups_stay_whole(group: list[str], most: int, seed: int) -> None:
    """At most so many rows, and each chosen group is whole unless it alone is too large."""
    rows = np.arange(len(group), dtype=np.int64)
    chosen = limit_rows(rows, group, most=most, seed=seed)
    names = {group[row] for row in chosen}

    assert 1 <= len(chosen) <= most
    assert np.all(np.diff(chosen) > 0)
    if len(names) > 1:
        assert len(chosen) == sum(group.count(name) for name in names)


def test_a_larger_limit_only_adds_rows() -> None:
    """Figures of a small and a large evaluation share their groups."""
    group = [f"g{row // 3}" for row in range(300)]
    rows = np.arange(300, dtype=np.int64)
    small, large = (set(limit_rows(rows, group, most=n, seed=0).tolist()) for n in (60, 200))

    assert small < large
