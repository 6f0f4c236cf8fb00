"""Duplicates and flapping are one incident."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ctr_monitor.alerts.grouping import GroupSettings, Known, incident_for, merged, summed_up
from tests.support.monitor_alerts import T0_MS, notification, wire_alert

if TYPE_CHECKING:
    from ctr_monitor.model import Alert

REOPEN_MS, JOIN_MS = 1_800_000, 600_000
SETTINGS = GroupSettings(reopen_ms=REOPEN_MS, join_ms=JOIN_MS)
MINUTE_MS = 60_000


def known(number: int = 7, *, group: str = "{}:{alertname}", ended_ms: int | None = None) -> Known:
    """An incident of the alert CtrLatencyBurn, which began at T0."""
    return Known(
        id=number,
        group_key=group,
        state="firing" if ended_ms is None else "resolved",
        resolved_ms=ended_ms,
        begins=frozenset({("print-CtrLatencyBurn", T0_MS)}),
    )


def found(
    *incidents: Known,
    now_ms: int = T0_MS,
    group: str = "{}:{alertname}",
    name: str = "CtrLatencyBurn",
    starts_ms: int = T0_MS,
    ends_ms: int | None = None,
) -> int | None:
    """The incident that a webhook with one alert belongs to."""
    told = notification(wire_alert(name, starts_ms=starts_ms, ends_ms=ends_ms), group=group)
    return incident_for(told, incidents, SETTINGS, now_ms=now_ms)


def test_a_repeated_webhook_belongs_to_the_open_incident() -> None:
    """Alertmanager repeats itself every few hours while an alert fires."""
    assert found(known()) == 7


def test_the_same_alert_in_another_group_belongs_to_it_too() -> None:
    """Two routes or two Alertmanagers may group the same alert differently."""
    assert found(known(), group="other") == 7


def test_a_page_is_no_part_of_what_only_a_ticket_keeps_open() -> None:
    """A ticket over days outlives its fault: tomorrow's page is another fault, soon it is not."""
    ended = T0_MS + MINUTE_MS
    kept_open = dataclasses.replace(known(), paging=False, paged_until_ms=ended)
    only_ticket = dataclasses.replace(known(), paging=False)
    late = ended + REOPEN_MS + 1
    assert found(kept_open, now_ms=late, starts_ms=late) is None
    assert found(kept_open, now_ms=late - 1, starts_ms=late - 1) == 7
    assert found(only_ticket, now_ms=late, starts_ms=late) is None
    assert found(only_ticket, now_ms=late, starts_ms=T0_MS + JOIN_MS - 1) == 7


def test_an_old_end_told_along_with_a_new_page_does_not_place_it() -> None:
    """Alertmanager tells a group's ends and fires together: the fires say where they belong."""
    ended, late = T0_MS + MINUTE_MS, T0_MS + 2 * REOPEN_MS
    kept_open = dataclasses.replace(known(), paging=False, paged_until_ms=ended)
    told = notification(
        wire_alert(starts_ms=T0_MS, ends_ms=ended),
        wire_alert(starts_ms=late, fingerprint="print-of-another-window"),
    )
    assert incident_for(told, [kept_open], SETTINGS, now_ms=late) is None


def test_an_end_finds_its_own_incident_beside_an_older_open_one() -> None:
    """An end that is told twice does not touch the incident that a ticket keeps open."""
    ended = T0_MS + MINUTE_MS
    own = known(8, ended_ms=ended)
    older = dataclasses.replace(known(7), begins=frozenset({("print-CtrLatencyBurn", 1)}))
    assert found(own, older, now_ms=ended, ends_ms=ended) == 8


def test_what_begins_together_is_one_incident() -> None:
    """One fault raises several alerts: those that begin within the joining time are one."""

    def other(after_ms: int, incident: Known) -> int | None:
        name = "CtrQueueSaturated"
        return found(incident, group="other", name=name, starts_ms=T0_MS + after_ms)

    assert other(JOIN_MS - 1, known()) == 7
    assert other(JOIN_MS, known()) is None
    assert other(2, known(ended_ms=T0_MS + 1)) is None


def test_another_jobs_alert_is_another_incident() -> None:
    """Alerts of different jobs have nothing to do with each other; a sum has no job."""
    theirs = dataclasses.replace(known(), jobs=frozenset({"ctr-monitor"}))
    assert found(theirs, group="other", name="CtrModelStale") is None
    nameless = dataclasses.replace(known(), jobs=frozenset())
    assert found(nameless, group="other", name="CtrModelStale") == 7


def test_firing_again_soon_reopens() -> None:
    """An alert that flaps within the reopening time stays one incident, later it is a new one."""
    ended = T0_MS + MINUTE_MS
    again = ended + MINUTE_MS
    assert found(known(ended_ms=ended), now_ms=ended + REOPEN_MS, starts_ms=again) == 7
    assert found(known(ended_ms=ended), now_ms=ended + REOPEN_MS + 1, starts_ms=again) is None


def test_a_late_end_belongs_to_its_begin() -> None:
    """A resolved alert finds the incident of the same begin, however long ago that ended."""
    ended = T0_MS + MINUTE_MS
    late = ended + 10 * REOPEN_MS
    assert found(known(ended_ms=ended), now_ms=late, ends_ms=ended, group="other") == 7


def test_of_two_the_open_one_is_taken() -> None:
    """An open incident wins over one that ended a moment ago."""
    assert found(known(8, ended_ms=T0_MS), known(7)) == 7


def alert(starts_ms: int = T0_MS, ends_ms: int | None = None, name: str = "A") -> Alert:
    """One alert."""
    return notification(wire_alert(name, starts_ms=starts_ms, ends_ms=ends_ms)).alerts[0]


def test_beginning_anew_is_counted() -> None:
    """Resolved and firing again counts one more; the same webhook twice counts once."""
    first, ended, again = alert(), alert(ends_ms=T0_MS + 1000), alert(T0_MS + 2000)
    alerts = merged(merged(merged((), [first]), [first]), [ended])
    assert alerts[0].fired == 1
    alerts = merged(alerts, [again])
    assert (alerts[0].fired, alerts[0].status, alerts[0].starts_ms) == (2, "firing", T0_MS + 2000)


def test_what_was_overtaken_changes_nothing() -> None:
    """A firing webhook that arrives after the same alert's end does not reopen it."""
    ended = merged((), [alert(ends_ms=T0_MS + 1000)])
    assert merged(ended, [alert()]) == ended
    assert merged(ended, [alert(T0_MS - 5000)]) == ended


def test_two_servers_see_one_fault() -> None:
    """The same alert, told again by a Prometheus that saw it later, did not fire twice."""
    alerts = merged(merged((), [alert()]), [alert(T0_MS + 3000)])
    assert (alerts[0].status, alerts[0].fired) == ("firing", 1)


def test_an_incident_is_as_severe_as_its_worst_alert() -> None:
    """A page comes before a ticket in the title; it fires while one alert does."""
    told = notification(
        wire_alert("Ticket", labels={"severity": "ticket"}, starts_ms=T0_MS - 9),
        wire_alert("Page", ends_ms=T0_MS + 5),
    )
    summary = summed_up(told.alerts)
    assert (summary.title, summary.severity) == ("Page, Ticket", "page")
    assert (summary.state, summary.resolved_ms) == ("firing", None)
    assert summary.started_ms == T0_MS - 9


def test_it_ends_with_its_last_alert() -> None:
    """All resolved: the end is the latest one."""
    told = notification(wire_alert("A", ends_ms=T0_MS + 5), wire_alert("B", ends_ms=T0_MS + 9))
    assert summed_up(told.alerts).resolved_ms == T0_MS + 9
