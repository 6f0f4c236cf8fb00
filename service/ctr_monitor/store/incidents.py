"""Incidents on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_monitor.alerts.grouping import incident_for, merged, summed_up, without_foreign_ends
from ctr_monitor.errors import NotThereError
from ctr_monitor.model import Alert, Incident, Report, Resolution
from ctr_monitor.store.incident_rows import alerts_of, index_words, known_incidents, report_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from ctr_monitor.alerts.grouping import GroupSettings
    from ctr_monitor.alerts.webhook import Notification
    from ctr_monitor.store.database import Database

PAGE = 50
MAX_WORDS = 8
WITH_SERIES = 1000
"""So many incidents keep the series behind their plots (some 100 kB each); older ones the rest."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a notification did.

    Attributes:
        change: "opened", "reopened", "joined", "resolved" or "repeated" (nothing new).
    """

    incident_id: int
    change: str


@dataclass(frozen=True, slots=True)
class Due:
    """An incident that waits for an investigation.

    Attributes:
        attempts: investigations in a row that were not whole; looks: those that were.
    """

    incident_id: int
    due_ms: int
    attempts: int
    looks: int


class IncidentStore:
    """Reads and writes incidents. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, notification: Notification, *, now_ms: int, settings: GroupSettings) -> Taken:
        """Put a notification into the incident that it belongs to, or into a new one."""
        with self._database.transaction() as write:
            known = known_incidents(write, notification, now_ms - settings.reopen_ms)
            found = incident_for(notification, known, settings, now_ms=now_ms)
            old = alerts_of(write, found) if found is not None else ()
            alerts = merged(old, without_foreign_ends(old, notification.alerts))
            was = next((k.state for k in known if k.id == found), None)
            summary = summed_up(alerts)
            if found is None:
                cursor = write.execute(
                    "INSERT INTO incidents (group_key, state, severity, title, started_ms)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (
                        notification.group_key,
                        summary.state,
                        summary.severity,
                        summary.title,
                        summary.started_ms,
                    ),
                )
                found = int(cursor.lastrowid or 0)
            change = _change(was, summary.state, new=alerts != old)
            write.execute(
                "UPDATE incidents SET state = ?, severity = ?, title = ?,"
                " started_ms = min(started_ms, ?), resolved_ms = ?,"
                " reopened = reopened + ?, notifications = notifications + 1 WHERE id = ?",
                (
                    summary.state,
                    summary.severity,
                    summary.title,
                    summary.started_ms,
                    summary.resolved_ms,
                    change == "reopened",
                    found,
                ),
            )
            if change != "repeated":
                write.execute(
                    "UPDATE incidents SET due_ms = ?, attempts = 0, looks = 0 WHERE id = ?",
                    (now_ms, found),
                )
            write.executemany(
                "INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?)",
                [(found, a.fingerprint, a.starts_ms, a.model_dump_json()) for a in alerts],
            )
            index_words(write, found)
        return Taken(found, change)

    def due(self) -> Due | None:
        """Return the investigation that is due first."""
        rows = self._database.read(
            "SELECT id, due_ms, attempts, looks FROM incidents WHERE due_ms IS NOT NULL"
            " ORDER BY due_ms, id LIMIT 1"
        )
        return Due(*rows[0]) if rows else None

    def investigated(
        self, due: Due, report: Report, *, next_ms: int | None, attempts: int, looks: int
    ) -> None:
        """Keep a report, and when to look again.

        A report that lacks something does not replace one that is whole. What happened to the
        incident meanwhile stays due.
        """
        with self._database.transaction() as write:
            old = report_of(write, due.incident_id)
            if old is None or old.missing or not report.missing:
                write.execute(
                    "INSERT OR REPLACE INTO reports VALUES (?, ?)",
                    (due.incident_id, report.model_dump_json()),
                )
                keys = json.dumps([suspect.key for suspect in report.suspects])
                write.execute(
                    "UPDATE incidents SET suspect_keys = ? WHERE id = ?", (keys, due.incident_id)
                )
            write.execute(
                "UPDATE reports SET body = json_set(body, '$.panels', json('[]'))"
                " WHERE incident_id = ?",
                (due.incident_id - WITH_SERIES,),
            )
            write.execute(
                "UPDATE incidents SET due_ms = ?, attempts = ?, looks = ?"
                " WHERE id = ? AND due_ms = ?",
                (next_ms, attempts, looks, due.incident_id, due.due_ms),
            )
            index_words(write, due.incident_id)

    def put_off(self, due: Due, *, next_ms: int | None, attempts: int) -> None:
        """Look again later, with nothing to keep."""
        with self._database.transaction() as write:
            write.execute(
                "UPDATE incidents SET due_ms = ?, attempts = ? WHERE id = ? AND due_ms = ?",
                (next_ms, attempts, due.incident_id, due.due_ms),
            )

    def resolve_with(self, incident_id: int, resolution: Resolution) -> None:
        """Keep what was learnt.

        Raises:
            NotThereError: no such incident.
        """
        with self._database.transaction() as write:
            cursor = write.execute(
                "UPDATE incidents SET resolution = ? WHERE id = ?",
                (resolution.model_dump_json(), incident_id),
            )
            if not cursor.rowcount:
                raise NotThereError(f"there is no incident {incident_id}")
            index_words(write, incident_id)

    def get(self, incident_id: int, *, with_report: bool = True) -> Incident:
        """Return an incident.

        Raises:
            NotThereError: no such incident.
        """
        rows = self._database.read("SELECT * FROM incidents WHERE id = ?", (incident_id,))
        if not rows:
            raise NotThereError(f"there is no incident {incident_id}")
        return self._incident(rows[0], with_report=with_report)

    def search(self, words: str = "", *, limit: int = PAGE, before_id: int = 0) -> list[Incident]:
        """Return incidents that hold every word, newest first, without their reports.

        Args:
            words: parted by spaces; found anywhere in names, labels, suspects and notes.
            limit: at most so many.
            before_id: only older ones than this; 0 for all.
        """
        wanted = words.casefold().split()[:MAX_WORDS]
        clauses = ["search_text LIKE ? ESCAPE '\\'"] * len(wanted)
        parameters: list[object] = [f"%{_escaped(word)}%" for word in wanted]
        if before_id:
            clauses.append("id < ?")
            parameters.append(before_id)
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        rows = self._database.read(
            f"SELECT * FROM incidents {where} ORDER BY id DESC LIMIT ?",  # noqa: S608 -- fixed text
            (*parameters, limit),
        )
        return [self._incident(row, with_report=False) for row in rows]

    def every(self) -> Iterator[Incident]:
        """Yield all incidents with their reports, oldest first."""
        for row in self._database.read("SELECT id FROM incidents ORDER BY id"):
            yield self.get(int(row["id"]))

    def counts(self) -> dict[str, int]:
        """Return how many incidents there are by state."""
        rows = self._database.read("SELECT state, count(*) FROM incidents GROUP BY state")
        return {"firing": 0, "resolved": 0} | {str(state): int(n) for state, n in rows}

    def _incident(self, row: sqlite3.Row, *, with_report: bool) -> Incident:
        incident_id = int(row["id"])
        body = row["resolution"]
        with_alerts = self._database.read(
            "SELECT body FROM alerts WHERE incident_id = ? ORDER BY starts_ms, fingerprint",
            (incident_id,),
        )
        report = (
            self._database.read("SELECT body FROM reports WHERE incident_id = ?", (incident_id,))
            if with_report
            else []
        )
        return Incident(
            id=incident_id,
            group_key=row["group_key"],
            state=row["state"],
            severity=row["severity"],
            title=row["title"],
            started_ms=row["started_ms"],
            resolved_ms=row["resolved_ms"],
            reopened=row["reopened"],
            notifications=row["notifications"],
            suspect_keys=tuple(json.loads(row["suspect_keys"])),
            alerts=tuple(Alert.model_validate_json(alert["body"]) for alert in with_alerts),
            report=Report.model_validate_json(report[0]["body"]) if report else None,
            resolution=None if body is None else Resolution.model_validate_json(body),
        )


def _change(was: str | None, state: str, *, new: bool) -> str:
    if was is None:
        return "opened"
    if was != state:
        return "reopened" if state == "firing" else "resolved"
    return "joined" if new else "repeated"


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
