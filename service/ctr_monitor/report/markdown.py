"""An incident as Markdown, for a ticket or a chat. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctr_monitor.report.view import at_a_glance, burns_by_objective, clock_time, short_time
from ctr_monitor.units import duration, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_monitor.model import Report, TraceSummary
    from ctr_monitor.report.view import IncidentView, Suspect

SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#|!~&])")
STAGES_SHOWN = 8


def markdown(view: IncidentView) -> str:
    """Return the whole incident. Text from alerts and people is escaped: it formats nothing."""
    return "\n".join((*_head(view), *_suspects(view), *_rest(view))) + "\n"


def plain(text: str) -> str:
    """Return text of others so that it reads as it is, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _head(view: IncidentView) -> Iterator[str]:
    incident = view.incident
    yield f"# Incident {incident.id}: {plain(incident.title)}"
    yield ""
    state = "firing for" if incident.state == "firing" else "resolved after"
    again = f", reopened {incident.reopened} times" if incident.reopened else ""
    yield f"**{state} {view.lasted}** ({plain(incident.severity)}{again})"
    yield ""
    yield f"- Suspected: **{view.headline}**"
    report = incident.report
    if report is not None:
        seen = "seen in the metrics" if report.onset_seen else "an estimate"
        yield f"- Began about {clock_time(report.onset_ms)} UTC ({seen})"
    yield f"- Alert since {clock_time(incident.started_ms)} UTC"
    if incident.resolved_ms is not None:
        yield f"- Resolved {clock_time(incident.resolved_ms)} UTC"
    for text in report.missing[:10] if report is not None else ():
        yield f"- Missing: {plain(text)}"
    for title, text, worse in at_a_glance(report) if report is not None else ():
        yield f"- {title}: {f'**{text}**' if worse else text}"
    yield ""
    yield "## What fired"
    yield ""
    for alert in incident.alerts:
        said = plain(alert.annotations.get("summary", ""))
        times = f", {alert.fired} times" if alert.fired > 1 else ""
        since = clock_time(alert.starts_ms)
        yield f"- **{plain(alert.name)}** ({alert.status}{times}) since {since}. {said}"
        runbook = view.runbook(alert)
        if runbook.text:
            yield f"  Runbook: {runbook.url or '`' + runbook.text.replace('`', '') + '`'}"
    yield ""


def _suspects(view: IncidentView) -> Iterator[str]:
    yield "## Suspected causes"
    yield ""
    if not view.suspects:
        yield view.headline + "."
        yield ""
    for number, suspect in enumerate(view.suspects, 1):
        yield from _suspect(number, suspect)


def _suspect(number: int, suspect: Suspect) -> Iterator[str]:
    score = f"{suspect.certainty}, {suspect.suspected.score:.2f}"
    yield f"{number}. **{suspect.cause.title}** ({score})"
    for finding in suspect.suspected.evidence:
        yield f"   - {plain(finding.text)}"
    for finding in suspect.suspected.against:
        yield f"   - against it: {plain(finding.text)}"
    for step in suspect.cause.steps:
        yield f"   - do: {step}"
    for command in suspect.cause.commands:
        yield f"   - `{command}`"
    yield ""


def _rest(view: IncidentView) -> Iterator[str]:
    report = view.incident.report
    if report is not None:
        yield from _found(report)
    if view.alike:
        yield "## Seen before"
        yield ""
        for alike in view.alike:
            other = alike.incident
            yield (
                f"- Incident {other.id} ({alike.likeness:.0%} alike), "
                f"{clock_time(other.started_ms)}, {_took(other.minutes_to_resolve)}: "
                f"{plain(other.resolution.note) if other.resolution else 'no note'}"
            )
        yield ""
    resolution = view.incident.resolution
    if resolution is not None:
        yield "## Resolution"
        yield ""
        yield plain(resolution.note)
        yield ""
        cause = f"Cause: {plain(resolution.cause)}. " if resolution.cause else ""
        yield f"{cause}By {plain(resolution.by)}, {_took(view.incident.minutes_to_resolve)}."
        yield ""
    if view.runs:
        yield "## Remedies on record"
        yield ""
        for run in view.runs:
            kind = "dry run" if run.dry else "run"
            who = f"{kind} of {run.remedy} by {plain(run.by)}"
            yield f"- {clock_time(run.started_ms)} {who}: {run.outcome}"
        yield ""


def _found(report: Report) -> Iterator[str]:
    if report.burns:
        yield "## Burn"
        yield ""
        for slo, burns in burns_by_objective(report.burns).items():
            told_burns = ", ".join(
                f"{burn.window}: {told(burn.bad_share, 'share')}"
                + (f" ({burn.rate:.1f}x)" if burn.rate is not None else "")
                for burn in burns
            )
            yield f"- {slo}: {told_burns}"
        yield ""
    if report.changes:
        yield "## What changed"
        yield ""
        for change in report.changes:
            yield f"- {short_time(change.at_ms)} {change.kind}: {plain(change.text)}"
        yield ""
    if report.traces:
        yield "## Traces"
        yield ""
        for trace in report.traces:
            yield _trace(trace)
        yield ""


def _trace(trace: TraceSummary) -> str:
    stages = ", ".join(
        f"{plain(stage.name)} {stage.duration_ms:.1f} ms{' FAILED' if stage.failed else ''}"
        for stage in trace.stages[1 : STAGES_SHOWN + 1]
    )
    return f"- {trace.why} `{trace.trace_id}` {trace.duration_ms:.1f} ms: {stages}"


def _took(minutes: float | None) -> str:
    return "not resolved yet" if minutes is None else f"resolved in {duration(minutes * 60)}"
