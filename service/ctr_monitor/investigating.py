"""One investigation: asks Prometheus and the trace store, and makes a report of the answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_monitor.alerts.grouping import most_severe
from ctr_monitor.around.burning import ask_burns
from ctr_monitor.around.changes import find_changes
from ctr_monitor.around.onset import find_onset
from ctr_monitor.around.questions import BUCKET, QUESTIONS, REPLICAS, Question
from ctr_monitor.around.readings import read
from ctr_monitor.around.windows import LookSettings, Span, span_of
from ctr_monitor.errors import NotThereError, PrometheusError
from ctr_monitor.model import Panel, Report
from ctr_monitor.suspects.evidence import Evidence
from ctr_monitor.suspects.ranking import rank
from ctr_monitor.suspects.table import TABLE
from ctr_monitor.traces.facts import facts_of, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_monitor.around.objectives import Objectives
    from ctr_monitor.around.prometheus import Prometheus
    from ctr_monitor.clock import WallClock
    from ctr_monitor.model import Alert, Burn, Incident, TraceSummary
    from ctr_monitor.store.thread import StoreThread
    from ctr_monitor.store.traces import TraceStore
    from ctr_monitor.suspects.evidence import TraceFacts
    from ctr_monitor.traces.spans import Trace

SHOWN_TRACES = 3
"""Of each of: failed, slow, exemplar."""
READ_TRACES = 200
"""Traces of each kind that the shares are counted over."""
AFTER_S = 30
"""A resolved incident's plots go on this long, so that the recovery shows."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What Prometheus answered, and a sentence for each thing that it did not."""

    panels: dict[str, Panel]
    burns: tuple[Burn, ...]
    exemplars: dict[str, float]
    missing: tuple[str, ...]


class Investigator:
    """Makes reports."""

    def __init__(  # noqa: PLR0913 -- the composition hands over everything it reads
        self,
        prometheus: Prometheus,
        traces: TraceStore,
        thread: StoreThread,
        objectives: Objectives,
        *,
        look: LookSettings,
        job: str,
        deadline_s: float,
        clock: WallClock,
    ) -> None:
        """Take what to ask.

        Args:
            prometheus: the metrics.
            traces: what OTLP brought; used in `thread` alone.
            thread: the store's.
            objectives: for the burn.
            look: how far to look.
            job: Prometheus's job of the gateways.
            deadline_s: for all of Prometheus's answers together.
            clock: the time of day.
        """
        self._prometheus = prometheus
        self._traces = traces
        self._thread = thread
        self._objectives = objectives
        self._look = look
        self._job = job
        self._deadline_s = deadline_s
        self._clock = clock

    async def investigate(self, incident: Incident) -> Report:
        """Return a report. What could not be had is named in it, and raises nothing."""
        now_ms = self._clock.now_ms()
        alerts = _episode(incident)
        end_ms = now_ms
        if incident.resolved_ms is not None:
            end_ms = min(now_ms, incident.resolved_ms + AFTER_S * 1000)
        # A ticket that goes on since another day would set the clock back for tonight's page.
        foremost = most_severe(alerts)
        span = span_of(foremost, end_ms, self._look)
        asked = await self._ask(span)
        onset = find_onset(foremost, asked.panels, span)
        # What came after the end is recovery, and would count as "during".
        bad_until_ms = incident.resolved_ms or end_ms
        readings = read(_until(asked.panels, bad_until_ms), onset.at_ms)
        changes = find_changes(
            asked.panels, from_ms=span.from_ms, onset_ms=onset.at_ms, until_ms=bad_until_ms
        )
        shown, facts = await self._thread.call(
            self._read_traces, onset.at_ms, end_ms, tuple(asked.exemplars)
        )
        evidence = Evidence(
            alerts=frozenset(alert.name for alert in alerts),
            readings=readings,
            changes=changes,
            traces=facts,
        )
        return Report(
            investigated_ms=now_ms,
            from_ms=span.from_ms,
            onset_ms=onset.at_ms,
            onset_seen=onset.seen,
            until_ms=span.until_ms,
            missing=asked.missing,
            burns=asked.burns,
            panels=tuple(asked.panels.values()),
            readings=readings,
            changes=changes,
            suspects=rank(evidence, TABLE),
            traces=tuple(shown),
        )

    async def _ask(self, span: Span) -> Asked:
        panels: dict[str, Panel] = {}
        burns: list[Burn] = []
        exemplars: dict[str, float] = {}
        missing: list[str] = []

        async def panel(question: Question) -> None:
            promql = question.text(job=self._job, rate_s=span.rate_s)
            try:
                lines = await self._prometheus.query_range(promql, span)
            except PrometheusError as error:
                missing.append(f"{question.title}: {error}")
                return
            if lines:
                panels[question.key] = Panel(
                    key=question.key, title=question.title, unit=question.unit, lines=lines
                )

        async def burn() -> None:
            found, lacking = await ask_burns(
                self._prometheus, self._objectives, job=self._job, at_ms=span.until_ms
            )
            burns.extend(found)
            missing.extend(lacking)

        async def exemplar() -> None:
            promql = BUCKET.replace("$J", f'job="{self._job}"')
            try:
                exemplars.update(await self._prometheus.exemplar_traces(promql, span))
            except PrometheusError as error:
                missing.append(f"Exemplars: {error}")

        # One first: of a Prometheus that is gone nothing else needs to be asked.
        await panel(REPLICAS)
        if not missing:
            try:
                async with asyncio.timeout(self._deadline_s):
                    await asyncio.gather(
                        *(panel(q) for q in QUESTIONS if q is not REPLICAS),
                        burn(),
                        exemplar(),
                    )
            except TimeoutError:
                missing.append(f"Prometheus did not answer all within {self._deadline_s:g} s")
        ordered = {q.key: panels[q.key] for q in QUESTIONS if q.key in panels}
        return Asked(ordered, tuple(burns), exemplars, tuple(sorted(missing)))

    def _read_traces(
        self, from_ms: int, until_ms: int, exemplars: Sequence[str]
    ) -> tuple[list[TraceSummary], TraceFacts]:
        """Runs in the store's thread."""
        between = self._traces.between
        failed = between(from_ms, until_ms, ("failed",), slowest=False, limit=READ_TRACES)
        slow = between(from_ms, until_ms, ("slow", "failed"), slowest=True, limit=READ_TRACES)
        chosen: dict[str, tuple[Trace, str]] = {}
        for traces, why in ((failed, "failed"), (slow, "slow")):
            fresh = [trace for trace in traces if trace.trace_id not in chosen]
            chosen |= {trace.trace_id: (trace, why) for trace in fresh[:SHOWN_TRACES]}
        for trace_id in exemplars:
            if len([1 for _, why in chosen.values() if why == "exemplar"]) >= SHOWN_TRACES:
                break
            if trace_id not in chosen:
                try:
                    chosen[trace_id] = (self._traces.get(trace_id), "exemplar")
                except NotThereError:
                    continue
        self._traces.pin(tuple(chosen))
        return [summary(trace, why) for trace, why in chosen.values()], facts_of(slow, failed)


def _episode(incident: Incident) -> tuple[Alert, ...]:
    """The alerts of the latest time that it fired: of an incident that fires, those that fire."""
    firing = tuple(alert for alert in incident.alerts if alert.status == "firing")
    return firing or incident.alerts


def _until(panels: dict[str, Panel], until_ms: int) -> list[Panel]:
    return [
        panel.model_copy(
            update={
                "lines": tuple(
                    line.model_copy(
                        update={"points": tuple(p for p in line.points if p[0] <= until_ms)}
                    )
                    for line in panel.lines
                )
            }
        )
        for panel in panels.values()
    ]
