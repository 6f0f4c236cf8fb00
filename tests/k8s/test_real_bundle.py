"""Rollouts of the demo's real bundle and the shipped command; errors are what counts.

By `make rehearse` alone, and where the demo's bundle lies: on two cores a pod's start takes so much
of what serves that latencies say nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctr_rehearsal.kubelet.images import Image
from ctr_rehearsal.traffic.load import Flow
from tests.support.rehearsal import (
    EDGE,
    FULL,
    GATEWAY,
    GATEWAY_2,
    LOCAL,
    MODEL,
    MODEL_2,
    STRICT,
    Journal,
    rehearsing,
    run_section,
    two_flows,
    wait_for_requests,
)

pytestmark = pytest.mark.rehearsal
BUNDLE = Path(os.environ.get("BUNDLE", "build/demo/bundle")).resolve()
CLOSED_REQUESTS = 300


@pytest.mark.weights
@pytest.mark.skipif(not FULL, reason="by `make rehearse`")
@pytest.mark.skipif(not BUNDLE.is_dir(), reason=f"no bundle at {BUNDLE}: `make demo` makes it")
def test_rollouts_of_the_real_bundle_fail_nothing(tmp_path: Path) -> None:
    """Code, model, undo: at 60 % of what the machine serves while a pod starts, nothing fails."""
    registry = {
        **dict.fromkeys((GATEWAY, GATEWAY_2), Image()),
        **dict.fromkeys((MODEL, MODEL_2), Image(files={"/bundle": BUNDLE})),
    }
    variables = {"GATEWAY_IMAGE": GATEWAY_2, "MODEL_IMAGE": MODEL_2}
    journal = Journal()
    with rehearsing(tmp_path, LOCAL, registry=registry) as world:
        world.must("kubectl rollout restart deployment/ctr-service")
        closed = Flow(EDGE, world.targets[EDGE], 1.0, callers=4, requests=CLOSED_REQUESTS, seed=9)
        with world.load(closed) as loads:
            record = loads[EDGE].finish()
        capacity = len(record.records) / (float(record.records.done_ns.max()) / 1e9)
        world.settle()
        with world.load(*two_flows(world, 0.6 * capacity / 2)) as loads:
            wait_for_requests(loads[STRICT], 20)
            for section in ("Roll out code", "Roll out a model", "Roll back"):
                journal.begin(section)
                run_section(world, section, **variables)
            journal.begin("settling")
            world.settle()
            journal.begin("end")
            records = [load.stop() for load in loads.values()]
    told = [f"{capacity:.0f} requests a second while a pod starts", *map(journal.told, records)]
    print("\n".join(told))  # noqa: T201 -- pytest shows it; figures to report
    failed = {r.flow.name: r.failures[:5] for r in records if r.failures}
    assert failed == {}
    assert all(one.failed == 0 for r in records for one in journal.found(r).values())
