"""When runs began on an engine that does not say so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctr_service.backend.turns import Turn, Turns


def test_a_run_that_waits_begins_when_a_place_is_given_up() -> None:
    """With one place, each run begins when the one before it ends."""
    turns = Turns(1)
    first, second, third = (turns.enter(now) for now in (0, 1, 2))
    assert turns.leave(first, 10) == 0
    assert turns.leave(second, 30) == 10
    assert turns.leave(third, 35) == 30


def test_a_run_that_leaves_the_queue_takes_nobodys_place() -> None:
    """One that was given up while it waited began never; the next in line takes the place."""
    turns = Turns(1)
    first, second, third = (turns.enter(0) for _ in range(3))
    assert turns.leave(second, 5) == 5
    turns.leave(first, 10)
    assert turns.leave(third, 12) == 10
    assert len(turns) == 0


def test_a_wider_server_takes_up_what_waits() -> None:
    """When instances are added, waiting runs begin at the next end."""
    turns = Turns(1)
    runs = [turns.enter(0) for _ in range(3)]
    turns.width = 2
    turns.leave(runs[0], 10)
    assert [turns.leave(run, 20) for run in runs[1:]] == [10, 10]


@given(st.integers(1, 4), st.lists(st.booleans(), max_size=60), st.randoms())
def test_never_more_runs_than_places_and_time_does_not_go_back(
    width: int, steps: list[bool], random: object
) -> None:
    """In any order of arrivals and ends, at most `width` have begun, and none before it arrived."""
    turns = Turns(width)
    inside: list[tuple[Turn, int]] = []
    for now, arrives in enumerate(steps):
        if arrives or not inside:
            inside.append((turns.enter(now), now))
        else:
            at = random.randrange(len(inside))  # type: ignore[attr-defined]  # -- hypothesis's Random
            turn, arrived = inside.pop(at)
            assert arrived <= turns.leave(turn, now) <= now
        assert sum(turn.began_ns is not None for turn, _ in inside) == min(width, len(inside))
        assert len(turns) == len(inside)
