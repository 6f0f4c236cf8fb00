"""What holds of every split."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ctr_train.split import check_no_leak, split_by_group

UNHURRIED = settings(deadline=None)
"""A busy machine is no failure."""

GROUPS = st.lists(st.text(max_size=4), min_size=3, max_size=80).filter(
    lambda groups: len(set(groups)) >= 3
)
SEEDS = st.integers(-(2**63), 2**63)


@UNHURRIED
@given(GROUPS, SEEDS)
def test_every_row_is_in_one_split_and_no_group_in_two(groups: list[str], seed: int) -> None:
    """The splits cover the log, keep groups whole and are never empty."""
    split = split_by_group(groups, seed=seed)
    check_no_leak(split, groups)
    assert min(map(len, split.named().values())) > 0
    for rows in split.named().values():
        assert rows.tolist() == sorted(rows.tolist())


@UNHURRIED
@given(GROUPS.flatmap(lambda groups: st.tuples(st.just(groups), st.permutations(groups))), SEEDS)
def test_order_and_repetition_do_not_matter(orders: tuple[list[str], list[str]], seed: int) -> None:
    """A group's split depends on the set of groups alone, not on rows or their order."""
    groups, shuffled = orders
    assert _part_of(groups, seed) == _part_of([*shuffled, groups[0]], seed)


@UNHURRIED
@given(st.integers(0, 10_000), SEEDS)
def test_a_growing_log_moves_no_group(extra: int, seed: int) -> None:
    """With enough groups, new ones leave every old one where it was."""
    groups = [f"g{index}" for index in range(300)]
    before, after = _part_of(groups, seed), _part_of([*groups, f"new {extra}"], seed)
    assert all(after[group] == part for group, part in before.items())


def _part_of(groups: list[str], seed: int) -> dict[str, str]:
    named = split_by_group(groups, seed=seed).named()
    return {groups[row]: name for name, rows in named.items() for row in rows}
