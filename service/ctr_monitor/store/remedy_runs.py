"""The record of remedies: who, when, what, and what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ctr_monitor.errors import NotThereError
from ctr_monitor.model import Frozen

if TYPE_CHECKING:
    import sqlite3

    from ctr_monitor.store.database import Database

UNKNOWN_END = "the monitor was stopped before it ended"


class RemedyRun(Frozen):
    """One run.

    Attributes:
        outcome: "running", "shown", "exit 0", "killed after 60 s", ...
    """

    id: int
    incident_id: int
    remedy: str
    argv: tuple[str, ...]
    dry: bool
    by: str
    started_ms: int
    ended_ms: int | None
    outcome: str
    output: str


class RemedyRuns:
    """Writes a run down before it begins: a run that kills the monitor is on record too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(  # noqa: PLR0913 -- a record is what it is
        self,
        incident_id: int,
        remedy: str,
        argv: tuple[str, ...],
        *,
        dry: bool,
        by: str,
        now_ms: int,
    ) -> int:
        """Return the number of a new record.

        Raises:
            NotThereError: no such incident.
        """
        with self._database.transaction() as write:
            known = write.execute("SELECT 1 FROM incidents WHERE id = ?", (incident_id,)).fetchone()
            if known is None:
                raise NotThereError(f"there is no incident {incident_id}")
            cursor = write.execute(
                "INSERT INTO remedy_runs (incident_id, remedy, argv, dry, by, started_ms, outcome)"
                " VALUES (?, ?, ?, ?, ?, ?, 'running')",
                (incident_id, remedy, json.dumps(argv), dry, by, now_ms),
            )
            return int(cursor.lastrowid or 0)

    def end(self, run_id: int, outcome: str, output: str, *, now_ms: int) -> RemedyRun:
        """Complete a record and return it."""
        with self._database.transaction() as write:
            write.execute(
                "UPDATE remedy_runs SET outcome = ?, output = ?, ended_ms = ? WHERE id = ?",
                (outcome, output, now_ms, run_id),
            )
        return _run(self._database.read("SELECT * FROM remedy_runs WHERE id = ?", (run_id,))[0])

    def of(self, incident_id: int) -> list[RemedyRun]:
        """Return an incident's runs, newest first."""
        rows = self._database.read(
            "SELECT * FROM remedy_runs WHERE incident_id = ? ORDER BY id DESC", (incident_id,)
        )
        return [_run(row) for row in rows]

    def close_unended(self) -> None:
        """At the start: what was running when the monitor was stopped has an unknown end."""
        with self._database.transaction() as write:
            write.execute(
                "UPDATE remedy_runs SET outcome = ? WHERE outcome = 'running'", (UNKNOWN_END,)
            )


def _run(row: sqlite3.Row) -> RemedyRun:
    return RemedyRun.model_validate(
        {**dict(row), "argv": json.loads(row["argv"]), "dry": bool(row["dry"])}
    )
