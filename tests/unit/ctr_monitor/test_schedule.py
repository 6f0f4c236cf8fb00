"""When an incident is looked at again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctr_monitor.schedule import Next, ScheduleSettings, next_look

SETTINGS = ScheduleSettings(again_s=(60.0, 240.0), retry_s=5.0, retry_most_s=300.0, attempts=10)


def look(*, whole: bool = True, firing: bool = True, attempts: int = 0, looks: int = 0) -> Next:
    """What follows at time 0."""
    return next_look(SETTINGS, now_ms=0, whole=whole, firing=firing, attempts=attempts, looks=looks)


def test_a_firing_incident_is_looked_at_again() -> None:
    """After a minute, after four more, then no more."""
    assert [look(looks=n).due_ms for n in range(3)] == [60_000, 240_000, None]


def test_a_resolved_one_is_looked_at_once() -> None:
    """The report after its end is the last."""
    assert look(firing=False).due_ms is None


def test_what_lacks_something_is_tried_again_within_bounds() -> None:
    """The wait doubles up to its bound, and ends after so many attempts."""
    waits = [look(whole=False, attempts=n).due_ms for n in range(10)]
    assert waits == [5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000, None]


def test_success_forgets_the_failures() -> None:
    """Attempts count in a row."""
    assert look(attempts=7).attempts == 0


@given(st.integers(0, 1000), st.integers(0, 10), st.booleans())
def test_it_never_goes_on_for_ever(attempts: int, looks: int, firing: bool) -> None:  # noqa: FBT001 -- drawn
    """Whole or not, some number of steps from anywhere ends in None."""
    due: int | None = 0
    for _ in range(20):
        if due is None:
            break
        step = look(whole=False, firing=firing, attempts=attempts, looks=looks)
        due, attempts, looks = step.due_ms, step.attempts, step.looks
    assert due is None
