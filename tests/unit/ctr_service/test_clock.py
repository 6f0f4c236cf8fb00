"""Claims of `ctr_service.clock`."""

from __future__ import annotations

import pytest

from ctr_service.clock import Clock, ManualClock, SystemClock


def test_a_manual_clock_moves_by_hand_alone() -> None:
    """It stands still between two moves, and adds them up."""
    clock: Clock = ManualClock(now_ns=5)
    assert clock.now_ns() == clock.now_ns() == 5
    assert isinstance(clock, ManualClock)
    clock.advance_ns(10)
    clock.advance_ns(0)
    assert clock.now_ns() == 15


def test_a_manual_clock_never_goes_back() -> None:
    """Monotonic time has no negative step."""
    clock = ManualClock()
    with pytest.raises(ValueError, match="cannot go back by 1 ns"):
        clock.advance_ns(-1)
    assert clock.now_ns() == 0


def test_the_system_clock_does_not_go_back() -> None:
    """Readings never fall."""
    clock: Clock = SystemClock()
    readings = [clock.now_ns() for _ in range(1000)]
    assert readings == sorted(readings)
