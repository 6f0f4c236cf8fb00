"""A canary by route weight: its share, its burn by version, and the way back."""

from __future__ import annotations

import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ctr_rehearsal.traffic.load import Flow
from tests.support.rehearsal import (
    EDGE,
    MODEL_2,
    MODEL_SLOW,
    OVERLAYS,
    Journal,
    rehearsing,
    run_section,
    wait_for_requests,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_rehearsal.traffic.load import FlowRecord, Found
    from ctr_rehearsal.world import World

pytestmark = pytest.mark.rehearsal

REQUESTS = 7_000
"""Over 5,000, so that a point is almost four standard deviations of a share of 5 %."""
STABLE, CANARY = "t1", "t2-slow"
THRESHOLD_LE, TARGET = "100.0", 0.99
"""The first objective of latency in k8s/alerts/slo.yaml."""
PAGE_BURN_RATE = 14.4
DURATION = "traces_span_metrics_duration_milliseconds"


@dataclass(frozen=True, slots=True)
class Tried:
    """What a canary's life left, and the model's rollout to everybody after it."""

    during: FlowRecord
    burn_rates: dict[str, float]
    after: dict[str, Found]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    """Begin a canary by the runbook, send traffic, read the pods' metrics, take it back."""
    folder = tmp_path_factory.mktemp("canary")
    with rehearsing(folder, OVERLAYS / "stable") as world:
        variables = {"CANARY": str(OVERLAYS / "canary"), "MODEL_IMAGE": MODEL_SLOW}
        run_section(world, "Begin a canary", **variables)
        world.wait_until(lambda: _routed(world) == (95, 5), "Envoy has the weights")
        flow = Flow(EDGE, world.targets[EDGE], 1.0, candidates=1, callers=16, requests=REQUESTS)
        with world.load(flow) as loads:
            during = loads[EDGE].finish()
        burn_rates = _burn_rates(world)
        after = _after_the_way_back(world)
        yield Tried(during, burn_rates, after)


def _after_the_way_back(world: World) -> dict[str, Found]:
    """Take the canary back under load, then exchange the model; return what came meanwhile."""
    journal = Journal()
    with world.load(Flow(EDGE, world.targets[EDGE], 40.0, candidates=1, seed=5)) as loads:
        run_section(world, "Take a canary back")
        world.wait_until(lambda: _routed(world) == (100,), "Envoy has the weights")
        wait_for_requests(loads[EDGE], 20)  # calls under way end where they are
        journal.begin("after")
        wait_for_requests(loads[EDGE], 100)
        journal.begin("model")
        run_section(world, "Roll out a model that is an image volume", MODEL_IMAGE=MODEL_2)
        journal.begin("settled")
        world.settle()
        journal.begin("end")
        return journal.found(loads[EDGE].stop())


def _routed(world: World) -> tuple[int, ...]:
    return world.envoy.weights(EDGE)


def _burn_rates(world: World) -> dict[str, float]:
    """Return the burn rate of the latency objective by model version, from the pods' metrics."""
    late: defaultdict[str, float] = defaultdict(float)
    total: defaultdict[str, float] = defaultdict(float)
    for pod in world.pods():
        port = world.cluster.facts.ports[pod["metadata"]["uid"]][8501]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        for sample in (one for family in families for one in family.samples):
            if not sample.labels.get("span_name", "").endswith("/PredictClicks"):
                continue
            version = sample.labels["ctr_model_version"]
            if sample.name == f"{DURATION}_count":
                total[version] += sample.value
                late[version] += sample.value
            elif sample.labels.get("le") == THRESHOLD_LE and sample.name == f"{DURATION}_bucket":
                late[version] -= sample.value
    return {version: late[version] / total[version] / (1 - TARGET) for version in total}


def test_five_percent_reach_the_canary(tried: Tried) -> None:
    """Of 7,000 answers 5 % are the canary's, within a point, and none fails."""
    found = tried.during.answers
    share = sum(version == CANARY for _, version in found) / len(found)
    print(f"canary share {share:.4f} of {len(found)}")  # noqa: T201 -- figures to report
    assert len(found) >= REQUESTS
    assert tried.during.failures == []
    assert share == pytest.approx(0.05, abs=0.01)


def test_a_burn_on_the_canary_alone_shows_by_version(tried: Tried) -> None:
    """The canary's latency burns its budget at a page's rate, and the stable version's does not."""
    print(f"burn rates {tried.burn_rates}")  # noqa: T201 -- figures to report
    assert tried.burn_rates[CANARY] > PAGE_BURN_RATE
    assert tried.burn_rates[STABLE] < tried.burn_rates[CANARY] / 2


def test_the_runbook_takes_it_back(tried: Tried) -> None:
    """After the documented command all answers are the stable version's."""
    assert tried.after["after"].requests > 50
    assert set(tried.after["after"].versions) == {STABLE}


def test_an_image_volume_is_exchanged_without_a_failure(tried: Tried) -> None:
    """The other way to deliver a model: a new image volume rolls as safely as a new image."""
    assert [one.failures for one in tried.after.values() if one.failed] == []
    assert set(tried.after["settled"].versions) <= {STABLE, "t2"}
    assert "t2" in tried.after["settled"].versions
