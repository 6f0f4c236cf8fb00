"""What becomes of news about Triton servers."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry

from ctr_service.backend.triton_observer import EndpointState
from ctr_service.clock import ManualClock
from ctr_service.engine_events import EngineEvents
from ctr_service.limits import NS_PER_S
from ctr_service.telemetry.instruments import Instruments

GONE_S = 10.0


class World:
    """Events with a clock, a log and a health that notes what it was told."""

    def __init__(self, gone_s: float = GONE_S) -> None:
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        self.log = structlog.testing.CapturingLogger()
        self.told: list[bool] = []
        self.events = EngineEvents(
            Instruments(self.registry).triton, self.log, self.clock, gone_s=gone_s
        )

    def set_backend_gone(self, *, gone: bool) -> None:
        """Stand in for the lifecycle."""
        self.told.append(gone)

    def look(self, seconds: float, *, usable: bool) -> bool | None:
        """Let time pass, then look at the servers; return what health was told."""
        self.told.clear()
        self.clock.advance_ns(round(seconds * NS_PER_S))
        self.events.triton_usable(usable=usable)
        return self.told[-1] if self.told else None


def test_health_hears_of_servers_that_are_gone_for_long() -> None:
    """Not before the time set, and at once when one is back."""
    world = World()
    world.events.attach(world)
    assert world.look(1, usable=True) is False
    assert world.look(GONE_S - 1, usable=False) is False
    assert world.look(1, usable=False) is True
    assert world.look(5, usable=True) is False
    assert world.look(GONE_S - 1, usable=False) is False


def test_health_is_left_alone_before_it_is_there_and_where_it_shall_be() -> None:
    """During the start, and with a time of 0, nobody is told anything."""
    world = World()
    assert world.look(100, usable=False) is None
    world.events.attach(world)
    assert world.look(1, usable=False) is False
    never = World(gone_s=0)
    never.events.attach(never)
    assert never.look(10_000, usable=False) is None


def test_changes_are_logged_and_counted() -> None:
    """A server that serves is news, one that does not is a warning; metrics hold the numbers."""
    world = World()
    world.events.triton_endpoint("10.0.0.1:8001", state=EndpointState.READY, reason="")
    world.events.triton_endpoint("10.0.0.1:8001", state=EndpointState.MISMATCH, reason="why")
    assert [call.method_name for call in world.log.calls] == ["info", "warning"]
    assert world.log.calls[1].kwargs["reason"] == "why"
    world.events.triton_endpoints({EndpointState.READY: 2, EndpointState.RESTING: 1})
    world.events.triton_called("triton:8001", outcome="late")
    world.events.triton_retried("triton:8001")
    value = world.registry.get_sample_value
    assert value("ctr_triton_servers", {"state": "ready"}) == 2
    assert value("ctr_triton_servers", {"state": "resting"}) == 1
    labels = {"target": "triton:8001"}
    assert value("ctr_triton_batches_total", {**labels, "outcome": "late"}) == 1
    assert value("ctr_triton_retries_total", labels) == 1
