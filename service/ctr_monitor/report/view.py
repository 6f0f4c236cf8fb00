"""What the page and the Markdown show of an incident, put in order. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from ctr_monitor.around.questions import BY_KEY as QUESTIONS
from ctr_monitor.suspects.table import BY_KEY as CAUSES
from ctr_monitor.units import duration, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_monitor.model import Alert, Burn, Incident, Reading, Report, Suspected
    from ctr_monitor.remedies.allow_list import Remedy
    from ctr_monitor.seen_before import Alike
    from ctr_monitor.store.remedy_runs import RemedyRun
    from ctr_monitor.suspects.ranking import Cause

CERTAINTY = ((0.8, "very likely"), (0.5, "likely"), (0.0, "possible"))
MOVE = 0.2
"""A move of less than this share of the usual value is no news."""
MAIN_PANELS = ("traffic", "error_share", "latency_p99", "shed_share", "degraded_share")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A suspect with what the table says of it, and what the allow-list offers."""

    suspected: Suspected
    cause: Cause
    certainty: str
    remedies: tuple[Remedy, ...]


@dataclass(frozen=True, slots=True)
class Runbook:
    """Where an alert's runbook is; `url` is "" where it is no link."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class IncidentView:
    """All of it."""

    incident: Incident
    suspects: tuple[Suspect, ...]
    alike: tuple[Alike, ...]
    runs: tuple[RemedyRun, ...]
    now_ms: int
    runbook_base: str

    @property
    def headline(self) -> str:
        """One sentence: the first suspect, or that there is none yet."""
        report = self.incident.report
        if self.suspects:
            first = self.suspects[0]
            return f"{first.cause.title} ({first.certainty})"
        if report is None:
            return "Being investigated"
        return "No known cause fits the evidence"

    @property
    def lasted(self) -> str:
        """How long it took, or takes already."""
        end_ms = self.incident.resolved_ms or self.now_ms
        return duration(max(0, end_ms - self.incident.started_ms) / 1000)

    @property
    def summary(self) -> str:
        """The most severe alert's own sentence."""
        for alert in self.incident.alerts:
            if alert.name == self.incident.title.split(", ")[0]:
                return alert.annotations.get("summary", "")
        return ""

    def runbook(self, alert: Alert) -> Runbook:
        """Return an alert's runbook; only http(s) becomes a link."""
        text = alert.annotations.get("runbook_url") or alert.annotations.get("runbook", "")
        if text.startswith(("https://", "http://")):
            return Runbook(text, text)
        if text and self.runbook_base:
            return Runbook(text, f"{self.runbook_base.rstrip('/')}/{quote(text)}")
        return Runbook(text, "")


def certainty(score: float) -> str:
    """Return a score in words."""
    return next(word for least, word in CERTAINTY if score >= least)


def suspects_of(
    report: Report | None, remedies: dict[str, tuple[Remedy, ...]]
) -> tuple[Suspect, ...]:
    """Return a report's suspects; one that this release no longer knows is left out."""
    return tuple(
        Suspect(s, CAUSES[s.key], certainty(s.score), remedies.get(s.key, ()))
        for s in (report.suspects if report is not None else ())
        if s.key in CAUSES
    )


def first_panels(report: Report) -> tuple[list[str], list[str]]:
    """Return the keys of the panels to show first, and of the rest.

    First come those that the evidence of the two first suspects names, then the main ones.
    """
    known = [p.key for p in report.panels if p.key in QUESTIONS and QUESTIONS[p.key].plotted]
    named = [
        finding.panel
        for suspected in report.suspects[:2]
        for finding in (*suspected.evidence, *suspected.against)
    ]
    first = [key for key in dict.fromkeys((*named, *MAIN_PANELS)) if key in known]
    return first, [key for key in known if key not in first]


def burns_by_objective(burns: Sequence[Burn]) -> dict[str, list[Burn]]:
    """Return objective -> its windows, in their order."""
    found: dict[str, list[Burn]] = {}
    for burn in burns:
        found.setdefault(burn.slo, []).append(burn)
    return found


def at_a_glance(report: Report) -> list[tuple[str, str, bool]]:
    """Return (title, "usual -> worst", whether it got worse) of the main signals."""
    worse = {
        r.key
        for r in report.readings
        if r.during is not None
        and r.before is not None
        and abs(r.during - r.before) > MOVE * abs(r.before)
    }
    return [
        (QUESTIONS[key].title, text, key in worse)
        for key in MAIN_PANELS
        if (text := moved(report.readings, key))
    ]


def moved(readings: Sequence[Reading], key: str) -> str:
    """Return "usual -> worst" of a question with one series; "" for several."""
    own = [reading for reading in readings if reading.key == key]
    if len(own) != 1:
        return ""
    unit = QUESTIONS[key].unit
    return f"{told(own[0].before, unit)} → {told(own[0].during, unit)}"


def clock_time(at_ms: int | None) -> str:
    """Return a time of day in UTC, with its date."""
    if at_ms is None:
        return "-"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def short_time(at_ms: int) -> str:
    """Return a time of day in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S")
