"""The gate: who is inside, who is refused, and when."""

from __future__ import annotations

import asyncio

import pytest

from ctr_service.clock import ManualClock
from ctr_service.errors import NotServingError, OverloadedError
from ctr_service.server.gate import Gate

LONG_S = 60.0


def make_gate(max_inside: int = 4) -> Gate:
    """A gate on a clock that stands still."""
    return Gate(max_inside=max_inside, clock=ManualClock(1))


async def test_nobody_enters_before_it_opens() -> None:
    """While the server warms up a request is refused as NOT_SERVING, at once."""
    gate = make_gate()
    with pytest.raises(NotServingError):
        async with gate.admit(patience_s=LONG_S):
            pass
    assert (gate.inside, gate.admitted) == (0, 0)


async def test_it_counts_who_is_inside() -> None:
    """Requests count as inside from admission to their end, however they end."""
    gate = make_gate()
    gate.open()
    async with gate.admit(patience_s=LONG_S):
        assert gate.inside == 1
    with pytest.raises(KeyError):
        await _fail(gate)
    assert (gate.inside, gate.admitted, gate.abandoned) == (0, 2, 0)


async def test_coming_and_going_are_movements() -> None:
    """The time of the last arrival or departure is known, refused arrivals included."""
    clock = ManualClock(1)
    gate = Gate(max_inside=4, clock=clock)
    gate.open()
    async with gate.admit(patience_s=LONG_S):
        assert gate.last_movement_ns == 1
        clock.advance_ns(10)
    assert gate.last_movement_ns == 11
    clock.advance_ns(10)
    gate.close()
    clock.advance_ns(10)
    with pytest.raises(NotServingError):
        await _enter(gate, 0.0)
    assert gate.last_movement_ns == 31


async def test_it_is_never_fuller_than_its_limit() -> None:
    """One request more than the limit is refused as overloaded, with a time to come back."""
    gate = make_gate(max_inside=1)
    gate.open()
    async with gate.admit(patience_s=LONG_S):
        with pytest.raises(OverloadedError) as caught:
            async with gate.admit(patience_s=LONG_S):
                pass
    assert caught.value.retry_after_ns > 0
    assert caught.value.metadata["limit"] == "1"
    async with gate.admit(patience_s=LONG_S):
        assert gate.inside == 1


async def test_refusals_at_a_closed_gate_wait_for_the_goaway() -> None:
    """After closing, a refusal is held until `release`, and those inside are left alone."""
    gate = make_gate()
    gate.open()
    async with gate.admit(patience_s=LONG_S):
        gate.close()
        late = asyncio.create_task(_enter(gate, LONG_S))
        await asyncio.sleep(0)
        assert not late.done()
        gate.release()
        with pytest.raises(NotServingError):
            await late
        assert gate.inside == 1
    assert (gate.inside, gate.admitted) == (0, 1)


async def test_a_refusal_is_held_no_longer_than_its_caller_waits() -> None:
    """A caller whose deadline is near hears the refusal without the release."""
    gate = make_gate()
    gate.close()
    with pytest.raises(NotServingError):
        await _enter(gate, 0.0)


async def test_held_refusals_count_against_the_limit() -> None:
    """The gate holds at most `max_inside` refusals; more leave at once."""
    gate = make_gate(max_inside=1)
    gate.close()
    held = asyncio.create_task(_enter(gate, LONG_S))
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await _enter(gate, LONG_S)
    gate.release()
    with pytest.raises(NotServingError):
        await held


async def test_a_caller_that_hangs_up_is_counted() -> None:
    """A cancelled request leaves, and counts as abandoned."""
    gate = make_gate()
    gate.open()
    task = asyncio.create_task(_stay(gate))
    await asyncio.sleep(0)
    assert gate.inside == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (gate.inside, gate.abandoned) == (0, 1)


async def _enter(gate: Gate, patience_s: float) -> None:
    async with gate.admit(patience_s=patience_s):
        pass


async def _stay(gate: Gate) -> None:
    async with gate.admit(patience_s=LONG_S):
        await asyncio.Event().wait()


async def _fail(gate: Gate) -> None:
    async with gate.admit(patience_s=LONG_S):
        raise KeyError
