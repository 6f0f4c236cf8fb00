"""What a plan concludes from figures that are given."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from rich.console import Console

from ctr_bench.capacity import Policy
from ctr_bench.cold_start import Start
from ctr_bench.forecast import Forecast
from ctr_bench.material import Material
from ctr_bench.plan import Plan
from ctr_bench.plan_order import PlanOrder
from ctr_bench.plan_text import print_plan
from ctr_bench.progress import Progress
from ctr_bench.searches import Search
from ctr_bench.slo import Slo
from ctr_client.messages import Item

HOUR_S = 3_600.0
FORECAST = Forecast([0.0, HOUR_S, 2 * HOUR_S], [600.0, 2_400.0, 900.0], "friday.csv")
MATERIAL = Material([Search("red mug", [Item("i", "Mug")] * 4)], 20.0, {"bundle_sha256": "ab"})


@pytest.fixture
def plan() -> Plan:
    """500 pairs/s a replica, 70 % of it for the forecast, one failure, and an hour's cold start."""
    order = PlanOrder(
        Path("bundle"), Slo(100.0), FORECAST, Policy(0.7, 1, 1.5), 0.36, goodput_pairs_s=500.0
    )
    found = Plan(order, MATERIAL, Progress(Console(file=io.StringIO())))
    found.start = Start([2.0, 3.0], [2.1, 3.1], 100)
    found.queue = {"planned": {"mean_tokens": 100.0}, "knee": {"mean_tokens": 500.0}}
    return found


def text_of(plan: Plan) -> str:
    """Return what a person reads."""
    console = Console(file=io.StringIO(), width=400)
    print_plan(console, plan)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_replicas_cost_and_thresholds_are_in_the_json(plan: Plan) -> None:
    """2,400 / 350 are 7, 8 with a failure; a surge of 1.5 takes 8 as well."""
    content = plan.as_json()
    assert content["replicas"] == 8
    assert content["replicas_by_time"] == [3, 8, 4]
    assert content["autoscaling"] == {
        "min_replicas": 3,
        "max_replicas": 8,
        "lead_s": 3.0,
        "admitted_rows_s_a_replica": pytest.approx(350),
        "queued_tokens_a_replica": 300,
    }
    cost = content["cost_a_million"]
    assert isinstance(cost, dict)
    assert cost["an_hour"] == pytest.approx(8 * 0.36)
    assert cost["following"] == pytest.approx(15 * 0.36 / (3_900 * HOUR_S / 1e6))


def test_a_person_reads_the_answer_first_and_what_was_not_measured(plan: Plan) -> None:
    """The formula with its numbers; that goodput was given; both costs."""
    text = text_of(plan)
    assert "2,400 pairs/s / (500 x 0.7) = 7, and 1 that may be away" in text
    assert "1.5 x 2,400 pairs/s / 500 = 8" in text
    assert "(given, not measured)" in text
    assert "if replicas follow the forecast" in text
    assert text.index("replicas") < text.index("goodput of a replica")


def test_without_goodput_there_is_no_plan(plan: Plan) -> None:
    """Stopped before the search ended: the file has what there is, and nothing is concluded."""
    plan.goodput_pairs_s = 0.0
    assert "replicas" not in plan.as_json()
    assert "there is no plan" in text_of(plan)


def test_searches_that_were_never_sent_are_told_apart_by_their_query() -> None:
    """No two messages are alike, and a base's own is none of them."""
    sent = [*MATERIAL.unseen(50).messages, *MATERIAL.unseen(50, first=50).messages]
    assert len(set(sent)) == 100
    assert MATERIAL.bases[0].serialise() not in sent
    assert math.isclose(MATERIAL.unseen(3).pairs_a_request, 4)
