"""Opening and closing, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from ctr_service.clock import ManualClock
from ctr_service.server.gate import Gate, Phase
from ctr_service.server.health import HealthBoard
from ctr_service.server.lifecycle import MAX_QUIET_WAIT_S, QUIET_S, Lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable

DELAY_S = 10.0
GRACE_S = 3.0


@dataclass
class World:
    """A lifecycle with everything around it, and what happened in order."""

    clock: ManualClock = field(default_factory=ManualClock)
    health: HealthBoard = field(default_factory=lambda: HealthBoard(("",)))
    events: list[str] = field(default_factory=list)
    on_sleep: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.gate = Gate(max_inside=4, clock=self.clock)
        self.lifecycle = Lifecycle(
            server=self,
            gate=self.gate,
            health=self.health,
            observer=self,
            clock=self.clock,
            sleep=self.sleep,
            log=structlog.testing.CapturingLogger(),
            drain_delay_s=DELAY_S,
            grace_s=GRACE_S,
        )

    async def sleep(self, seconds: float) -> None:
        """Move the clock instead of waiting."""
        self.events.append(f"sleep {seconds:g} {self.gate.phase.value}")
        self.clock.advance_ns(round(seconds * 1e9))
        self.on_sleep()
        await asyncio.sleep(0)

    async def stop(self, grace: float | None) -> None:
        """Stand in for the gRPC server."""
        self.events.append(f"stop {grace}")

    def serving_changed(self, *, serving: bool) -> None:
        """Hear health change."""
        self.events.append(f"serving {serving}")

    def slept_s(self, phase: Phase) -> float:
        """Seconds slept while the gate was in a phase."""
        parts = (event.split() for event in self.events if event.startswith("sleep"))
        return sum(float(seconds) for _, seconds, at in parts if at == phase.value)


async def test_opening_lets_requests_in_before_health_says_so() -> None:
    """Once open, the gate is open and health is SERVING."""
    world = World()
    world.lifecycle.open()
    assert (world.gate.phase, world.health.serving) == (Phase.OPEN, True)
    assert world.events == ["serving True"]


async def test_closing_serves_on_through_the_drain_delay() -> None:
    """Health turns first, requests are served for the delay, then the server stops gracefully."""
    world = World()
    world.lifecycle.open()
    await world.lifecycle.close()
    assert world.events[1:3] == ["serving False", f"sleep {DELAY_S:g} open"]
    assert f"stop {GRACE_S}" in world.events
    assert world.gate.phase is Phase.CLOSED


async def test_closing_waits_until_nobody_arrives() -> None:
    """The server stops only after nobody came for a while."""
    world = World()
    world.lifecycle.open()
    await world.lifecycle.close()
    stop = world.events.index(f"stop {GRACE_S}")
    quiet = [event for event in world.events[:stop] if event.endswith("closed")]
    assert sum(float(event.split()[1]) for event in quiet) >= QUIET_S


async def test_callers_that_keep_coming_do_not_hold_up_the_stop() -> None:
    """Arrivals without end are waited for no longer than the bound."""
    world = World()
    world.lifecycle.open()

    def arrive() -> None:
        world.gate.last_movement_ns = world.clock.now_ns()

    world.on_sleep = arrive
    await world.lifecycle.close()
    assert MAX_QUIET_WAIT_S <= world.slept_s(Phase.CLOSED) < MAX_QUIET_WAIT_S + QUIET_S


async def test_a_server_that_never_served_stops_without_the_delay() -> None:
    """Stopped during warm-up, nobody was sent here, so nobody needs time to look away."""
    world = World()
    await world.lifecycle.close()
    assert world.slept_s(Phase.STARTING) == 0
    assert f"stop {GRACE_S}" in world.events


async def test_health_follows_the_backend_while_the_gate_stays_open() -> None:
    """NOT_SERVING while it is gone, told once a change; whoever comes all the same is let in."""
    world = World()
    world.lifecycle.set_backend_gone(gone=True)
    assert world.events == []
    world.lifecycle.open()
    for gone in (False, True, True, False):
        world.lifecycle.set_backend_gone(gone=gone)
    assert world.events == ["serving True", "serving False", "serving True"]
    assert world.gate.phase is Phase.OPEN


async def test_a_backend_that_comes_back_does_not_undo_a_drain() -> None:
    """Once draining, health stays NOT_SERVING; with the backend gone before, nobody needs time."""
    world = World()
    world.lifecycle.open()
    world.on_sleep = lambda: world.lifecycle.set_backend_gone(gone=False)
    await world.lifecycle.close()
    assert world.events.count("serving True") == 1
    gone = World()
    gone.lifecycle.open()
    gone.lifecycle.set_backend_gone(gone=True)
    await gone.lifecycle.close()
    assert gone.slept_s(Phase.OPEN) == 0
