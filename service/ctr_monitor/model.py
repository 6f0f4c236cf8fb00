"""What is stored and shown. All times are milliseconds since 1970, UTC.

An `Incident` gathers `Alert`s that belong together; a `Report` is what one investigation found.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["firing", "resolved"]


class Frozen(BaseModel):
    """Immutable, and strict about names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Alert(Frozen):
    """One alert, as Alertmanager told it last.

    Attributes:
        fired: how often it began to fire within this incident.
    """

    fingerprint: str
    name: str
    status: State
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_ms: int
    ends_ms: int | None = None
    generator_url: str = ""
    fired: int = 1


class Line(Frozen):
    """One series: its labels, and values over time (None: no value then)."""

    labels: dict[str, str]
    points: tuple[tuple[int, float | None], ...]


class Panel(Frozen):
    """One plot: the series of one question."""

    key: str
    title: str
    unit: str
    lines: tuple[Line, ...]


class Reading(Frozen):
    """One series in two numbers: its usual value, and its worst since the onset."""

    key: str
    labels: dict[str, str]
    before: float | None
    during: float | None


class Burn(Frozen):
    """How fast an objective's budget goes.

    Attributes:
        bad_share: bad events of all, over the window.
        rate: bad_share over what the objective allows; None where no objective is known.
    """

    slo: str
    window: str
    bad_share: float
    rate: float | None = None


class Change(Frozen):
    """Something that became different around the onset.

    Attributes:
        kind: "model", "config", "replicas" or "restart".
    """

    kind: str
    at_ms: int
    text: str


class Finding(Frozen):
    """One sentence of evidence, and the plot that shows it ("" for none)."""

    text: str
    panel: str = ""


class Suspected(Frozen):
    """A suspected cause.

    Attributes:
        score: 0 to 1, for the order; no probability.
    """

    key: str
    title: str
    score: float = Field(ge=0, le=1)
    evidence: tuple[Finding, ...]
    against: tuple[Finding, ...] = ()


class Stage(Frozen):
    """A span of a trace, as shown: times in milliseconds from the trace's begin."""

    name: str
    start_ms: float
    duration_ms: float
    failed: bool = False


class TraceSummary(Frozen):
    """A trace that the report points at.

    Attributes:
        why: "failed", "slow" or "exemplar".
        facts: whitelisted attributes of its server span.
    """

    trace_id: str
    why: str
    started_ms: int
    duration_ms: float
    facts: dict[str, str]
    stages: tuple[Stage, ...]


class Report(Frozen):
    """What one investigation found.

    Attributes:
        onset_ms: when the alert's own signal left its usual range, or an estimate.
        onset_seen: whether that was seen in the series.
        missing: what could not be had, a sentence each; empty when the report is whole.
    """

    investigated_ms: int
    from_ms: int
    onset_ms: int
    onset_seen: bool
    until_ms: int
    missing: tuple[str, ...] = ()
    burns: tuple[Burn, ...] = ()
    panels: tuple[Panel, ...] = ()
    readings: tuple[Reading, ...] = ()
    changes: tuple[Change, ...] = ()
    suspects: tuple[Suspected, ...] = ()
    traces: tuple[TraceSummary, ...] = ()


class Resolution(Frozen):
    """What was learnt. `cause` is a suspect's key, or "" where none fits."""

    note: str
    cause: str
    by: str
    at_ms: int
    minutes: float | None


class Incident(Frozen):
    """An incident.

    Attributes:
        reopened: how often it fired again after it was resolved.
        notifications: how many webhooks belonged to it.
        suspect_keys: of the report's suspects, in order; known without reading the report.
    """

    id: int
    group_key: str
    state: State
    severity: str
    title: str
    started_ms: int
    resolved_ms: int | None
    reopened: int
    notifications: int
    suspect_keys: tuple[str, ...] = ()
    alerts: tuple[Alert, ...]
    report: Report | None = None
    resolution: Resolution | None = None

    @property
    def minutes_to_resolve(self) -> float | None:
        """As a person said, else from the first alert to the last one's end."""
        if self.resolution is not None and self.resolution.minutes is not None:
            return self.resolution.minutes
        if self.resolved_ms is None:
            return None
        return round((self.resolved_ms - self.started_ms) / 60_000, 1)
