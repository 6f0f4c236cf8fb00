"""Rows of an incident as our types, and the words that it is found by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ctr_monitor.alerts.grouping import Known, is_paging, jobs_of, paged_until_ms
from ctr_monitor.model import Alert, Report, Resolution

if TYPE_CHECKING:
    import sqlite3

    from ctr_monitor.alerts.webhook import Notification


def alerts_of(write: sqlite3.Connection, incident_id: int) -> tuple[Alert, ...]:
    """Return an incident's alerts, by start."""
    rows = write.execute(
        "SELECT body FROM alerts WHERE incident_id = ? ORDER BY starts_ms, fingerprint",
        (incident_id,),
    )
    return tuple(Alert.model_validate_json(row["body"]) for row in rows)


def report_of(write: sqlite3.Connection, incident_id: int) -> Report | None:
    """Return its report; None before the first one."""
    row = write.execute("SELECT body FROM reports WHERE incident_id = ?", (incident_id,)).fetchone()
    return None if row is None else Report.model_validate_json(row["body"])


def index_words(write: sqlite3.Connection, incident_id: int) -> None:
    """Write down the words by which the incident is found."""
    row = write.execute("SELECT * FROM incidents WHERE id = ?", (incident_id,)).fetchone()
    parts = [f"#{incident_id}", row["title"], row["severity"], row["state"], row["suspect_keys"]]
    for alert in alerts_of(write, incident_id):
        parts += [alert.name, *alert.labels.values(), *alert.annotations.values()]
    report = report_of(write, incident_id)
    if report is not None:
        parts += [suspect.title for suspect in report.suspects]
        parts += [change.text for change in report.changes]
        parts += [trace.trace_id for trace in report.traces]
    if row["resolution"] is not None:
        resolution = Resolution.model_validate_json(row["resolution"])
        parts += [resolution.note, resolution.cause, resolution.by]
    write.execute(
        "UPDATE incidents SET search_text = ? WHERE id = ?",
        ("\n".join(parts).casefold(), incident_id),
    )


def known_incidents(
    write: sqlite3.Connection, notification: Notification, since_ms: int
) -> list[Known]:
    """Return the incidents that the notification may belong to."""
    prints = [alert.fingerprint for alert in notification.alerts]
    rows = write.execute(
        "SELECT id, group_key, state, resolved_ms FROM incidents i"
        " WHERE state = 'firing' OR resolved_ms >= ? OR EXISTS"
        " (SELECT 1 FROM alerts a WHERE a.incident_id = i.id"
        " AND a.fingerprint IN (SELECT value FROM json_each(?)))"
        " ORDER BY id DESC LIMIT 500",
        (since_ms, json.dumps(prints)),
    ).fetchall()
    return [_known_of(write, row) for row in rows]


def _known_of(write: sqlite3.Connection, row: sqlite3.Row) -> Known:
    alerts = alerts_of(write, row["id"])
    return Known(
        id=row["id"],
        group_key=row["group_key"],
        state=row["state"],
        resolved_ms=row["resolved_ms"],
        begins=frozenset((alert.fingerprint, alert.starts_ms) for alert in alerts),
        jobs=jobs_of(alerts),
        paging=any(map(is_paging, alerts)),
        paged_until_ms=paged_until_ms(alerts),
    )
