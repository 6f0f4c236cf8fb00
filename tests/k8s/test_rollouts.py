"""Acceptance of rollouts: every planned change under load, by the runbook's own commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ctr_rehearsal.objects import name_of
from ctr_rehearsal.traffic.load import Flow
from tests.support.rehearsal import (
    CLIENT,
    EDGE,
    FULL,
    GATEWAY_2,
    LOCAL,
    MODEL_2,
    RATE_PER_S,
    STRICT,
    Journal,
    rehearsing,
    run_section,
    two_flows,
    wait_for_requests,
)
from tests.support.rehearsed_sections import ROLLOUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_rehearsal.traffic.load import FlowRecord
    from ctr_rehearsal.world import World

pytestmark = pytest.mark.rehearsal
LAG = "ctr-serve/endpoint-lag-seconds"
STEADY_REQUESTS = 100
SECTION_REQUESTS = 30
"""Due after a section's last command: pods go on ending then, and a short one meets calls too."""
P99_RATIO = 1.5
IN_FLIGHT_SLACK_NS = 100_000_000
"""A connection's end reaches the caller a moment after the process has gone."""


@dataclass
class Rehearsed:
    """What the whole run left."""

    journal: Journal
    records: dict[str, FlowRecord]
    killed_ns: int
    kill: dict[str, FlowRecord]
    revisions: str
    lag_s: float
    tuned_for_s: float


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    """Run every planned change in one go under load, and then kill a pod."""
    journal = Journal()
    with rehearsing(tmp_path_factory.mktemp("rollouts"), LOCAL) as world:
        with world.load(*two_flows(world)) as loads:
            journal.begin("steady")
            wait_for_requests(loads[STRICT], STEADY_REQUESTS)
            revisions = ""
            for section in ROLLOUTS:
                journal.begin(section)
                said = run_section(world, section, **_variables(world))
                wait_for_requests(loads[STRICT], SECTION_REQUESTS)
                if section == "Roll back":
                    revisions = said[0].text
            journal.begin("settling")
            world.settle()
            journal.begin("end")
            records = {name: load.stop() for name, load in loads.items()}
        killed_ns, kill = _kill_one(world)
        [deployment] = world.deployments()
        tuned_for_s = float(deployment["metadata"]["annotations"][LAG])
        yield Rehearsed(
            *(journal, records, killed_ns, kill, revisions, world.plan.lag_s, tuned_for_s)
        )


def _variables(world: World) -> dict[str, str]:
    return {
        "OVERLAY": str(LOCAL),
        "GATEWAY_IMAGE": GATEWAY_2,
        "MODEL_IMAGE": MODEL_2,
        "REPLICAS": "2",
        "SPARE": "3",
        "NODE": str(world.pods()[0]["spec"]["nodeName"]),
    }


def _kill_one(world: World) -> tuple[int, dict[str, FlowRecord]]:
    """Kill a pod under load, through the Envoy that retries as an edge does, and by the client."""
    flows = (
        Flow(EDGE, world.targets[EDGE], RATE_PER_S, seed=3),
        Flow(CLIENT, world.targets[CLIENT], RATE_PER_S, seed=4),
    )
    with world.load(*flows) as loads:
        wait_for_requests(loads[EDGE], STEADY_REQUESTS // 2)
        victim = name_of(world.pods()[0])
        killed_ns = world.kill(victim)
        world.wait_until(lambda: _restarts(world, victim) == 1, "the killed container runs again")
        world.settle()
        return killed_ns, {name: load.stop() for name, load in loads.items()}


def _restarts(world: World, name: str) -> int:
    [pod] = [pod for pod in world.pods() if name_of(pod) == name]
    return sum(one["restartCount"] for one in pod["status"]["containerStatuses"])


@pytest.mark.parametrize("flow", [STRICT, CLIENT])
def test_no_planned_change_fails_a_request(rehearsed: Rehearsed, flow: str) -> None:
    """No request fails in any change, without a single retry, by Envoy or by the client."""
    found = rehearsed.journal.found(rehearsed.records[flow])
    assert {name: (one.failed, one.failures) for name, one in found.items() if one.failed} == {}
    assert all(found[section].requests > 0 for section in ROLLOUTS)


@pytest.mark.parametrize("flow", [STRICT, CLIENT])
def test_every_answer_names_its_model(rehearsed: Rehearsed, flow: str) -> None:
    """Each answer names its version: the old, then both, the new, and the old after the undo."""
    found = rehearsed.journal.found(rehearsed.records[flow])
    assert sum(one.unnamed for one in found.values()) == 0
    assert set(found["Roll out code"].versions) == {"t1"}
    assert set(found["Roll out a model"].versions) == {"t1", "t2"}
    assert set(found["Roll back"].versions) == {"t1", "t2"}
    assert set(found["settling"].versions) == {"t1"}


def test_endpoints_came_as_late_as_the_manifest_is_tuned_for(rehearsed: Rehearsed) -> None:
    """The overlay says which lag its preStop outlasts, and the rehearsal had that lag."""
    assert rehearsed.lag_s >= rehearsed.tuned_for_s > 0


def test_history_says_what_was_rolled_out(rehearsed: Rehearsed) -> None:
    """`rollout history` shows the runbook's change-causes, a revision each."""
    assert f"gateway {GATEWAY_2}" in rehearsed.revisions
    assert f"model {MODEL_2}" in rehearsed.revisions


@pytest.mark.parametrize("flow", [EDGE, CLIENT])
def test_a_killed_pod_costs_its_calls_in_flight_at_most(rehearsed: Rehearsed, flow: str) -> None:
    """Of a pod that dies, only calls that were under way in that moment fail."""
    record = rehearsed.kill[flow]
    assert record.failed_outside(rehearsed.killed_ns, IN_FLIGHT_SLACK_NS) == 0, record.failures


def test_the_tail_stays_while_pods_change(rehearsed: Rehearsed) -> None:
    """p99 of each change is at most 1.5 x the steady one (asserted by make rehearse)."""
    ratios = {}
    for name, record in rehearsed.records.items():
        print(rehearsed.journal.told(record))  # noqa: T201 -- pytest shows it; figures to report
        found = rehearsed.journal.found(record)
        for section in ROLLOUTS:
            ratios[name, section] = found[section].p99_ms / found["steady"].p99_ms
    print({key: round(ratio, 2) for key, ratio in ratios.items()})  # noqa: T201 -- as above
    assert not FULL or max(ratios.values()) <= P99_RATIO
