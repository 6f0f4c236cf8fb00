"""A bad rollout stops by itself, costs nobody a request, and is undone by the runbook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ctr_rehearsal.objects import being_deleted, is_ready, name_of
from tests.support.rehearsal import (
    ABSENT,
    CLIENT,
    COLD,
    CRASHING,
    LOCAL,
    STRICT,
    TAMPERED,
    Journal,
    rehearsing,
    run_section,
    two_flows,
)

if TYPE_CHECKING:
    from ctr_rehearsal.traffic.load import Found
    from ctr_rehearsal.world import Said, World

pytestmark = pytest.mark.rehearsal

DEADLINE_S = 5
"""Shorter than the manifest's, and long enough for a broken pod to say what is wrong with it."""
FAULTS = {
    "bundle tampered": (f"model={TAMPERED}", "does not match the manifest"),
    "wrong digest": (f"model={ABSENT}", "ErrImagePull"),
    "warm-up failing": (f"gateway={COLD}", "the script fails its warm-up"),
    "crash loop": (f"gateway={CRASHING}", "No module named"),
}
"""What is rolled out, and what the new pod says."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """One bad rollout."""

    status: Said
    old_ready: int
    told: str
    undone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stops:
    """All of them, and what the load met."""

    rollouts: dict[str, Stopped]
    found: dict[str, dict[str, Found]]


@pytest.fixture(scope="module")
def stops(tmp_path_factory: pytest.TempPathFactory) -> Stops:
    """Roll out each fault under load, and undo it."""
    journal = Journal()
    rollouts = {}
    with rehearsing(tmp_path_factory.mktemp("bad"), LOCAL) as world:
        world.must(
            "kubectl patch deployment/ctr-service --patch "
            f'\'{{"spec": {{"progressDeadlineSeconds": {DEADLINE_S}}}}}\''
        )
        with world.load(*two_flows(world)) as loads:
            for fault, (image, words) in FAULTS.items():
                journal.begin(fault)
                rollouts[fault] = _roll_out(world, image, words)
            journal.begin("end")
            records = [load.stop() for load in loads.values()]
    return Stops(rollouts, {record.flow.name: journal.found(record) for record in records})


def _roll_out(world: World, image: str, words: str) -> Stopped:
    old = {name_of(pod) for pod in world.pods() if not being_deleted(pod)}
    world.must(f"kubectl set image deployment/ctr-service {image}")
    status = world.sh("kubectl rollout status deployment/ctr-service --timeout=60s")
    told = ""

    def explained() -> bool:
        nonlocal told
        told = "".join(said.text for said in run_section(world, "A rollout that stops"))
        [new] = {name_of(pod) for pod in world.pods() if not being_deleted(pod)} - old
        told += world.sh(f"kubectl logs {new}").text
        return words in told

    world.wait_until(explained, f"the new pod says {words!r}")
    old_ready = sum(is_ready(pod) for pod in world.pods() if name_of(pod) in old)
    run_section(world, "Roll back")
    world.settle()
    return Stopped(status, old_ready, told, tuple(sorted(map(name_of, world.pods()))))


@pytest.mark.parametrize("fault", FAULTS)
def test_status_ends_with_an_error_and_old_pods_serve(stops: Stops, fault: str) -> None:
    """`rollout status` fails at the progress deadline; both old pods are ready all the while."""
    stopped = stops.rollouts[fault]
    assert stopped.status.code != 0
    assert "exceeded its progress deadline" in stopped.status.text
    assert stopped.old_ready == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_undo_restores_without_a_new_pod(stops: Stops, fault: str) -> None:
    """After `rollout undo` the old pods stand as before: none was exchanged."""
    assert len({stopped.undone for stopped in stops.rollouts.values()}) == 1
    assert len(stops.rollouts[fault].undone) == 2


@pytest.mark.parametrize("flow", [STRICT, CLIENT])
def test_bad_rollouts_fail_no_request(stops: Stops, flow: str) -> None:
    """Neither a fault nor its undoing fails a request, and the old model answers all of them."""
    found = stops.found[flow]
    assert {name: one.failures for name, one in found.items() if one.failed} == {}
    assert {version for one in found.values() for version in one.versions} == {"t1"}
