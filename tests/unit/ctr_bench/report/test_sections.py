"""What each kind of file is made to say: the answer in short, and what to doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ctr_bench.errors import BenchError
from ctr_bench.report.drawing import styled
from ctr_bench.report.sections import sections_of
from ctr_bench.report.sections.sweep import replicas_table
from tests.support.simulated_bench import sweep, write
from tests.support.simulated_load import SimulatedServer
from tests.support.simulated_plan import plan
from tests.support.simulated_report import compare, peers

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.report.view import Section

RATES = [20.0, 60.0, 100.0]


@pytest.fixture(scope="module")
def whole_plan() -> dict[str, Any]:
    """A plan of which everything was measured."""
    return plan(RATES, seconds=6)


def section_of(content: dict[str, Any], folder: Path) -> Section:
    """Describe one file, without drawing."""
    path = write(folder / f"{content.get('kind', 'peers')}.json", content)
    with styled():
        (section,) = sections_of([path])
    return section


def banners(section: Section) -> str:
    """All of a section's banners."""
    return "\n".join(banner.text for banner in section.banners)


def test_a_plan_says_how_many_to_buy_and_why(whole_plan: dict[str, Any], tmp_path: Path) -> None:
    """The answer names replicas, peak, headroom and failures; every part has its plot."""
    section = section_of(whole_plan, tmp_path)
    replicas = whole_plan["replicas"]
    assert section.answer.startswith(f"Buy {replicas} replicas for a peak of 9,000 pairs/s")
    assert "loaded to 70 % of that, and 1 may be away" in section.answer
    assert not section.banners
    keys = [plot.key for plot in section.plots]
    assert keys == ["plan-forecast", "plan-latency", "plan-goodput", "plan-cache", "plan-usl"]


def test_a_plan_that_its_run_refuted_is_not_to_be_used(
    whole_plan: dict[str, Any], tmp_path: Path
) -> None:
    """A false claim and a loss that was not survived stand in red."""
    first = whole_plan["verification"][0] | {"true": False}
    content = whole_plan | {"verification": [first], "loss": whole_plan["loss"] | {"held": False}}
    section = section_of(content, tmp_path)
    assert "NOT VERIFIED" in banners(section)
    assert "NOT SURVIVED" in banners(section)
    assert not section.sound


def test_a_plan_stopped_before_its_goodput_says_so(
    whole_plan: dict[str, Any], tmp_path: Path
) -> None:
    """What was found is shown, and no number of replicas is made up."""
    kept = ("kind", "slo", "forecast", "policy", "start", "fingerprint")
    content = {name: whole_plan[name] for name in kept} | {"partial": True, "goodput_pairs_s": None}
    section = section_of(content, tmp_path)
    assert section.answer == "No goodput was found, so there is no plan."
    assert "PARTIAL" in banners(section)
    assert not section.plots


def test_a_fit_whose_lists_differ_in_length_is_refused(
    whole_plan: dict[str, Any], tmp_path: Path
) -> None:
    """The refusal names the field."""
    content = whole_plan | {"usl": whole_plan["usl"] | {"residuals": [0.0]}}
    with pytest.raises(BenchError, match="field usl: numbers, throughputs, residuals differ"):
        section_of(content, tmp_path)


def test_a_knee_without_a_failed_rate_is_a_lower_bound(tmp_path: Path) -> None:
    """Where nothing higher was tried, the capacity may be higher; where nothing held, none is."""
    easy = section_of(sweep(SimulatedServer(), [20.0], seconds=6), tmp_path)
    assert "the knee is a lower bound" in banners(easy)
    hard = section_of(sweep(SimulatedServer(), [150.0], seconds=6), tmp_path)
    assert "NOT HELD" in banners(hard)
    assert not hard.sound


def test_a_sweep_of_the_older_names_reads_the_same(tmp_path: Path) -> None:
    """`rate_requests_s` and an SLO by its percentile's name are understood too."""
    content = sweep(SimulatedServer(), [20.0, 100.0], seconds=6)
    answer = section_of(content, tmp_path).answer
    for trial in content["trials"]:
        trial["rate_requests_s"] = trial.pop("rate")
    content["knee"]["rate_requests_s"] = content["knee"].pop("requests_s")
    content["slo"] = {"p99_ms": 100.0}
    assert section_of(content, tmp_path).answer == answer


def test_replicas_by_peak_are_counted_up() -> None:
    """1,000 pairs/s each: a peak of 5,000 takes 5, at 70 % each 8, and one more that may fail."""
    rows = {row[0]: row[1:] for row in replicas_table(1_000.0).rows}
    assert rows["5,000 pairs/s"] == ("5", "8", "9")


def test_a_comparison_names_what_differs_and_counts_the_rest(tmp_path: Path) -> None:
    """Two figures differ by their intervals, one does not."""
    section = section_of(compare(), tmp_path)
    assert section.answer == (
        "B against A: p50 +6.0 %, goodput +12.0 %; no difference was shown in 1 more."
    )


def test_a_comparison_that_was_stopped_early_has_no_figures_and_says_why(tmp_path: Path) -> None:
    """Nothing to draw is no malformed file: the page says that it is partial."""
    section = section_of(compare() | {"figures": {}, "partial": True}, tmp_path)
    assert [banner.level for banner in section.banners] == ["bad"]
    assert "PARTIAL" in section.banners[0].text
    assert not section.plots


def test_a_sweep_that_was_stopped_early_is_not_said_to_hold_nothing(tmp_path: Path) -> None:
    """No trial and no knee after Ctrl-C is no verdict about the server."""
    content = sweep(SimulatedServer(), [20.0], seconds=6)
    content |= {"trials": [], "knee": None, "partial": True, "error": ""}
    section = section_of(content, tmp_path)
    assert section.answer.startswith("Stopped before a rate was found")
    assert [banner.text[:7] for banner in section.banners] == ["PARTIAL"]
    assert not section.plots
    content["error"] = "p99 <= 100 ms is kept at no rate"
    assert "NOT HELD" in section_of(content, tmp_path).banners[-1].text


def test_being_behind_a_peer_is_said(tmp_path: Path) -> None:
    """A gateway that misses the target keeps its figure, and the sentence says behind."""
    content = peers()
    content["targets"]["gateway"]["bound_ratio"] = 0.3
    section = section_of(content, tmp_path)
    assert "behind the best peer, mosec, with 0.40: 0.75 times its goodput" in section.answer


def test_a_peer_that_failed_is_told_and_the_others_are_shown(tmp_path: Path) -> None:
    """It has no figures, so it has no row; its reason is a banner."""
    content = peers()
    content["targets"]["mosec"] = {}
    content["failed"] = {"mosec": "mosec did not answer within 120 s"}
    section = section_of(content, tmp_path)
    assert "mosec could not be measured in a repeat: mosec did not answer" in banners(section)
    assert "mosec" not in [row[0] for row in section.tables[0].rows]
