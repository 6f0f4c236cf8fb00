"""The report as Markdown and plots."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from ctr_monitor.model import Incident, Line, Panel, Reading, Report, Suspected
from ctr_monitor.report.markdown import markdown, plain
from ctr_monitor.report.plots import Marks, plot
from ctr_monitor.report.view import IncidentView, at_a_glance, certainty, suspects_of
from tests.support.monitor_alerts import T0_MS, notification, wire_alert

MARKS = Marks(onset_ms=T0_MS, alert_ms=T0_MS + 60_000, end_ms=None)


def panel(*values: float | None, lines: int = 1) -> Panel:
    """A panel of several equal lines, a minute a point."""
    points = tuple((T0_MS + 60_000 * n, value) for n, value in enumerate(values))
    return Panel(
        key="latency_p99",
        title="Latency",
        unit="ms",
        lines=tuple(Line(labels={"n": str(n)}, points=points) for n in range(lines)),
    )


@pytest.mark.parametrize(
    "drawn",
    [panel(1, 2, 3), panel(None, None), panel(0, 0), panel(1), panel(1, None, 3, lines=9)],
)
def test_any_series_can_be_drawn(drawn: Panel) -> None:
    """Gaps, zeros, one point, more lines than colours: one element that is whole XML."""
    svg = plot(drawn, MARKS)
    element = ET.fromstring(svg)  # noqa: S314 -- our own drawing
    assert element.tag.endswith("svg")
    assert svg.startswith("<svg")
    assert "<script" not in svg


def test_plots_do_not_share_ids() -> None:
    """Every id begins with the panel's key, and every reference leads to one of them."""
    svg = plot(panel(1, 2, 3), MARKS)
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    assert ids
    assert all(each.startswith("latency-p99-") for each in ids)
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= ids
    assert set(re.findall(r'href="#([^"]+)"', svg)) <= ids


def test_the_same_series_give_the_same_drawing() -> None:
    """No date, no random id: a page can be compared with another one."""
    assert plot(panel(1, 2, 3), MARKS) == plot(panel(1, 2, 3), MARKS)


def view(report: Report | None) -> IncidentView:
    """An incident with this report."""
    incident = Incident(
        id=3,
        group_key="g",
        state="firing",
        severity="page",
        title="CtrShedBurn",
        started_ms=T0_MS,
        resolved_ms=None,
        reopened=0,
        notifications=1,
        alerts=notification(wire_alert("CtrShedBurn")).alerts,
        report=report,
    )
    return IncidentView(incident, suspects_of(report, {}), (), (), T0_MS + 90_000, "")


def report(*suspects: Suspected, missing: tuple[str, ...] = ()) -> Report:
    """A small report."""
    return Report(
        investigated_ms=T0_MS,
        from_ms=T0_MS - 1000,
        onset_ms=T0_MS - 500,
        onset_seen=True,
        until_ms=T0_MS,
        missing=missing,
        suspects=suspects,
        readings=(Reading(key="latency_p99", labels={}, before=40.0, during=400.0),),
    )


def test_markdown_before_the_first_report() -> None:
    """What fired and since when is there at once."""
    text = markdown(view(None))
    assert "# Incident 3: CtrShedBurn" in text
    assert "**firing for 1 min 30 s**" in text
    assert "Being investigated" in text


def test_markdown_names_the_suspect_and_what_to_do() -> None:
    """First suspect, its commands, the main numbers, and what is missing."""
    suspected = Suspected(key="overload", title="x", score=0.85, evidence=())
    text = markdown(view(report(suspected, missing=("Calls: Prometheus was *slow*",))))
    assert "Suspected: **More is asked than the gateways can compute (very likely)**" in text
    assert "`kubectl scale deployment/ctr-service --replicas=N`" in text
    assert "Latency, 99th percentile: **40 ms → 400 ms**" in text
    assert "Missing: Calls: Prometheus was \\*slow\\*" in text


def test_a_suspect_that_is_no_longer_known_is_left_out() -> None:
    """A report of another release may name a cause that the table does not have."""
    gone = Suspected(key="from_the_past", title="x", score=0.85, evidence=())
    assert suspects_of(report(gone), {}) == ()


def test_foreign_text_formats_nothing() -> None:
    """Markdown's signs are escaped, lines are joined."""
    assert plain("a\n# b [x](http://y) `c`") == "a \\# b \\[x\\]\\(http://y\\) \\`c\\`"


def test_the_glance_marks_what_got_worse() -> None:
    """Only what is known is shown; a move is marked."""
    assert at_a_glance(report()) == [("Latency, 99th percentile", "40 ms → 400 ms", True)]


def test_scores_are_told_in_words() -> None:
    """No false precision on the page."""
    assert [certainty(score) for score in (0.95, 0.8, 0.5, 0.2)] == [
        "very likely",
        "very likely",
        "likely",
        "possible",
    ]
