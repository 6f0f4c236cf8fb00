"""The rehearsal can fail: what makes a rollout safe, taken away, shows as failed requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.rehearsal import (
    LOCAL,
    OVERLAYS,
    STRICT,
    Journal,
    rehearsing,
    status_of,
    two_flows,
    wait_for_requests,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_rehearsal.traffic.load import Found
    from ctr_rehearsal.world import World

pytestmark = pytest.mark.rehearsal

UNDRAINED = "drain removed"
HASTY = "preStop shorter than the endpoint lag"
EAGER = "readiness ignores warm-up"
ALL_AT_ONCE = "maxUnavailable 100 %"
NEUTRAL = "nothing changes"

EAGER_PATCH = """
spec:
  template:
    spec:
      containers:
        - name: gateway
          startupProbe: null
          readinessProbe: {grpc: null, exec: {command: ["true"]}}
          env: [{name: REHEARSAL_WARM_UP, value: slow}]
"""
"""Ready as soon as the process is there, though its warm-up has five seconds to go."""
ALL_AT_ONCE_PATCH = """
spec:
  strategy: {rollingUpdate: {maxUnavailable: 100%}}
  template: {metadata: {annotations: {control: all-at-once}}}
"""


@pytest.fixture(scope="module")
def controls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Found]]:
    """Take each safeguard away in turn, under load; each rollout replaces the pods before it."""
    journal = Journal()
    with (
        rehearsing(tmp_path_factory.mktemp("controls"), OVERLAYS / "undrained") as world,
        world.load(*two_flows(world)) as loads,
    ):
        journal.begin(NEUTRAL)
        wait_for_requests(loads[STRICT], 50)
        # Pods without a drain go, and pods with a hasty one come.
        _change(world, journal, UNDRAINED, f"kubectl apply -k {OVERLAYS / 'hasty'}")
        _change(world, journal, HASTY, f"kubectl apply -k {LOCAL}")
        patch = "kubectl patch deployment/ctr-service --patch"
        _change(world, journal, EAGER, f"{patch} '{EAGER_PATCH}'")
        _change(world, journal, ALL_AT_ONCE, f"{patch} '{ALL_AT_ONCE_PATCH}'")
        journal.begin("end")
        record = loads[STRICT].stop()
        print(journal.told(record))  # noqa: T201 -- pytest shows it; figures to report
        yield journal.found(record)


def _change(world: World, journal: Journal, name: str, command: str) -> None:
    journal.begin(name)
    world.must(f"{command}; {status_of()}")
    world.settle()


def test_without_a_change_nothing_fails(controls: dict[str, Found]) -> None:
    """The load alone fails nothing: what fails below is the control's."""
    assert controls[NEUTRAL].failed == 0


@pytest.mark.parametrize("control", [UNDRAINED, HASTY, EAGER, ALL_AT_ONCE])
def test_a_missing_safeguard_fails_requests(controls: dict[str, Found], control: str) -> None:
    """A rollout without it fails requests, so that the rehearsal above means something."""
    assert controls[control].failed > 0
