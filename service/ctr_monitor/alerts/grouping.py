"""Which incident a notification belongs to, and what it makes of that incident's alerts. Pure.

Alertmanager repeats itself, and several of them tell the same; alerts flap; one fault raises
several alerts. All of that is one incident: the open one of the same alert and begin; else an open
one of the same group or alert; else an open one whose latest alert began about the same time; else
the one of the same alert and begin; else one of the same group or alert that ended no longer ago
than the reopening time.

A ticket over days goes on long after its fault, and keeps its incident open. A page that begins
then is another fault: it belongs to no incident in which no page fires any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ctr_monitor.alerts.webhook import Notification
    from ctr_monitor.model import Alert, State

WAKING = ("page", "critical")
SEVERITIES = (*WAKING, "ticket", "warning", "info")
MAX_TITLE = 200


@dataclass(frozen=True, slots=True)
class Known:
    """An incident that exists.

    Attributes:
        begins: (fingerprint, start) of its alerts.
        jobs: label `job` of those that have it; sums over everything have none.
        paging: whether a page of it fires.
        paged_until_ms: the end of the last page that does not; None where there is none.
    """

    id: int
    group_key: str
    state: State
    resolved_ms: int | None
    begins: frozenset[tuple[str, int]]
    jobs: frozenset[str] = frozenset()
    paging: bool = True
    paged_until_ms: int | None = None

    @property
    def latest_ms(self) -> int:
        """When its latest alert began."""
        return max((start for _, start in self.begins), default=0)


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """When alerts belong together.

    Attributes:
        reopen_ms: an alert that fires again this soon after its end reopens its incident.
        join_ms: an alert that begins closer than this to an open incident's latest one joins it.
    """

    reopen_ms: int = 1_800_000
    join_ms: int = 600_000


@dataclass(frozen=True, slots=True)
class SummedUp:
    """What an incident is, by its alerts."""

    state: State
    severity: str
    title: str
    started_ms: int
    resolved_ms: int | None


def incident_for(
    notification: Notification, known: Iterable[Known], settings: GroupSettings, *, now_ms: int
) -> int | None:
    """Return the id of the incident that a notification belongs to; None for a new one."""
    # A group tells its old ends along with a new fire: they say nothing about where that belongs.
    firing = tuple(alert for alert in notification.alerts if alert.status == "firing")
    judged = firing or notification.alerts
    begins = {(alert.fingerprint, alert.starts_ms) for alert in judged}
    prints = {fingerprint for fingerprint, _ in begins}
    newest_first = sorted(known, key=lambda k: -k.id)

    def is_akin(incident: Known) -> bool:
        shared = prints & {fingerprint for fingerprint, _ in incident.begins}
        return incident.group_key == notification.group_key or bool(shared)

    def is_soon_after(ended_ms: int | None) -> bool:
        return ended_ms is not None and now_ms - ended_ms <= settings.reopen_ms

    def is_recent(incident: Known) -> bool:
        return is_soon_after(incident.resolved_ms)

    jobs = jobs_of(judged)
    first_ms = min(alert.starts_ms for alert in judged)

    def began_with(incident: Known) -> bool:
        one_job = not jobs or not incident.jobs or bool(jobs & incident.jobs)
        return one_job and abs(first_ms - incident.latest_ms) < settings.join_ms

    wakes = any(map(is_paging, firing))

    def goes_on(incident: Known) -> bool:
        awake = incident.paging or is_soon_after(incident.paged_until_ms)
        return incident.state == "firing" and (awake or not wakes or began_with(incident))

    tests: tuple[Callable[[Known], bool], ...] = (
        lambda k: bool(begins & k.begins) and (k.state == "firing" or not notification.firing),
        lambda k: goes_on(k) and k.group_key == notification.group_key,
        lambda k: goes_on(k) and is_akin(k),
        lambda k: k.state == "firing" and notification.firing and began_with(k),
        lambda k: bool(begins & k.begins) and (is_recent(k) or not notification.firing),
        lambda k: notification.firing and is_recent(k) and is_akin(k),
    )
    for test in tests:
        for incident in newest_first:
            if test(incident):
                return incident.id
    return None


def jobs_of(alerts: Iterable[Alert]) -> frozenset[str]:
    """Return the jobs that alerts name."""
    return frozenset(alert.labels["job"] for alert in alerts if "job" in alert.labels)


def is_paging(alert: Alert) -> bool:
    """Whether an alert wakes somebody now."""
    return alert.status == "firing" and alert.labels.get("severity") in WAKING


def paged_until_ms(alerts: Iterable[Alert]) -> int | None:
    """Return the end of the last page that ended."""
    ends = (a.ends_ms for a in alerts if a.labels.get("severity") in WAKING)
    return max((end for end in ends if end is not None), default=None)


def most_severe(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """Return those of the highest severity."""
    highest = min((_rank(alert) for alert in alerts), default=0)
    return tuple(alert for alert in alerts if _rank(alert) == highest)


def without_foreign_ends(old: Sequence[Alert], new: Sequence[Alert]) -> tuple[Alert, ...]:
    """Return the alerts of a notification that may count for an incident.

    A group tells its old ends along with a new fire. An alert that the incident never had, and
    that was over before what the notification is about began, belongs to an earlier fault: counted,
    it would stand among what fired, and pull the incident's start back.

    Args:
        old: the incident's alerts; none for a new one.
        new: the notification's.
    """
    known = {alert.fingerprint for alert in old}
    about = [a for a in new if a.status == "firing" or a.fingerprint in known] or old
    began_ms = min((alert.starts_ms for alert in about), default=0)

    def counts(alert: Alert) -> bool:
        ended_ms = alert.starts_ms if alert.ends_ms is None else alert.ends_ms
        return alert.status == "firing" or alert.fingerprint in known or ended_ms >= began_ms

    return tuple(filter(counts, new))


def merged(old: Sequence[Alert], new: Sequence[Alert]) -> tuple[Alert, ...]:
    """Return an incident's alerts after a notification, by start and fingerprint.

    What is older than what is known changes nothing; an alert that begins anew after it was
    resolved counts once more.
    """
    alerts = {alert.fingerprint: alert for alert in old}
    for alert in sorted(new, key=lambda a: (a.starts_ms, a.status == "resolved")):
        known = alerts.get(alert.fingerprint)
        alerts[alert.fingerprint] = alert if known is None else _newer(known, alert)
    return tuple(sorted(alerts.values(), key=lambda a: (a.starts_ms, a.fingerprint)))


def _newer(known: Alert, alert: Alert) -> Alert:
    if alert.starts_ms < known.starts_ms:
        return known
    if alert.starts_ms == known.starts_ms:
        # A resolved alert does not begin again at the same instant: this was overtaken.
        if known.status == "resolved" and alert.status == "firing":
            return known
        return alert.model_copy(update={"fired": known.fired})
    # Two Prometheus servers see one fault at slightly different times: that is no second time.
    again = known.status == "resolved"
    return alert.model_copy(update={"fired": known.fired + again})


def summed_up(alerts: Sequence[Alert]) -> SummedUp:
    """Return state, severity, title and times of an incident with these alerts (at least one)."""
    firing = [alert for alert in alerts if alert.status == "firing"]
    ordered = sorted(alerts, key=lambda a: (_rank(a), a.status != "firing", a.starts_ms, a.name))
    names = dict.fromkeys(alert.name for alert in ordered)
    ends = [alert.ends_ms if alert.ends_ms is not None else alert.starts_ms for alert in alerts]
    return SummedUp(
        state="firing" if firing else "resolved",
        severity=ordered[0].labels.get("severity", "none"),
        title=", ".join(names)[:MAX_TITLE],
        started_ms=min(alert.starts_ms for alert in alerts),
        resolved_ms=None if firing else max(ends),
    )


def _rank(alert: Alert) -> int:
    severity = alert.labels.get("severity", "")
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
