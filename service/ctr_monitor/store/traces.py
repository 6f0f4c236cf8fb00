"""Traces on disk, within bounds."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_monitor.clock import NS_PER_MS
from ctr_monitor.errors import NotThereError
from ctr_monitor.traces.keeping import SHARES, KeepSettings, Room, class_of
from ctr_monitor.traces.spans import Trace, by_trace, from_json, joined, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctr_monitor.store.database import Database
    from ctr_monitor.traces.spans import SpanRecord

MAX_PINNED = 2000
"""Traces that incidents point at; the oldest of more lose their pin."""
ROW_BYTES = 300
"""What a row takes beside its body, roughly."""


@dataclass(frozen=True, slots=True)
class Found:
    """A trace in a list."""

    trace_id: str
    kind: str
    start_ms: int
    duration_ms: float


class TraceStore:
    """Keeps the newest traces of each class. Use it from one thread."""

    def __init__(self, database: Database, settings: KeepSettings) -> None:
        self._database = database
        self._settings = settings
        self._rooms: dict[str, Room] = {}
        self._count()
        self._arrived = int(database.read("SELECT coalesce(max(arrived), 0) FROM traces")[0][0])

    def add(self, spans: Iterable[SpanRecord]) -> None:
        """Keep spans, joined with what is known of their traces; drop what is over the bounds.

        Raises:
            sqlite3.Error: the disk is full or failing; nothing was kept.
        """
        try:
            with self._database.transaction() as write:
                for trace_id, new in by_trace(spans).items():
                    self._put(write, trace_id, new)
                for kind, room in self._rooms.items():
                    self._drop(write, kind, room)
        except sqlite3.Error:
            self._count()
            raise

    def pin(self, trace_ids: Sequence[str]) -> None:
        """Keep these traces beyond the bounds: an incident points at them."""
        with self._database.transaction() as write:
            for trace_id in trace_ids:
                self._set_pin(write, trace_id, to=1)
            over = write.execute(
                "SELECT trace_id FROM traces WHERE pinned = 1"
                " ORDER BY arrived DESC LIMIT -1 OFFSET ?",
                (MAX_PINNED,),
            ).fetchall()
            for row in over:
                self._set_pin(write, row["trace_id"], to=0)

    def get(self, trace_id: str) -> Trace:
        """Return a trace.

        Raises:
            NotThereError: it was never received, not kept, or dropped for newer ones.
        """
        rows = self._database.read("SELECT body FROM traces WHERE trace_id = ?", (trace_id,))
        if not rows:
            raise NotThereError("this trace is not kept: it is too old, or was never received")
        return Trace(trace_id, from_json(rows[0]["body"]))

    def linked_to(self, trace_id: str) -> list[Trace]:
        """Return the traces that link to one: the batches that served it."""
        rows = self._database.read(
            "SELECT t.trace_id, t.body FROM trace_links l JOIN traces t USING (trace_id)"
            " WHERE l.linked_id = ? ORDER BY t.start_ns LIMIT 20",
            (trace_id,),
        )
        return [Trace(row["trace_id"], from_json(row["body"])) for row in rows]

    def between(
        self, from_ms: int, until_ms: int, kinds: Sequence[str], *, slowest: bool, limit: int
    ) -> list[Trace]:
        """Return traces of these classes that began in a stretch of time.

        Args:
            from_ms: the first moment.
            until_ms: the last one.
            kinds: classes, as in `SHARES`.
            slowest: by duration, longest first; else newest first.
            limit: at most so many.
        """
        rows = self._database.read(
            "SELECT trace_id, body FROM traces WHERE kind IN (SELECT value FROM json_each(?))"
            " AND start_ns BETWEEN ? AND ?"
            " ORDER BY CASE WHEN ? THEN duration_ms ELSE start_ns END DESC, trace_id LIMIT ?",
            (json.dumps(kinds), from_ms * NS_PER_MS, until_ms * NS_PER_MS, slowest, limit),
        )
        return [Trace(row["trace_id"], from_json(row["body"])) for row in rows]

    def newest(self, kind: str, limit: int) -> list[Found]:
        """Return the newest traces of a class, for a list."""
        rows = self._database.read(
            "SELECT trace_id, kind, start_ns, duration_ms FROM traces WHERE kind = ?"
            " ORDER BY start_ns DESC LIMIT ?",
            (kind, limit),
        )
        return [
            Found(row["trace_id"], row["kind"], row["start_ns"] // NS_PER_MS, row["duration_ms"])
            for row in rows
        ]

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return class -> (number, bytes), pinned ones left out."""
        return {kind: (room.count, room.size) for kind, room in self._rooms.items()}

    def _put(self, write: sqlite3.Connection, trace_id: str, new: Sequence[SpanRecord]) -> None:
        row = write.execute(
            "SELECT kind, arrived, size, pinned, body FROM traces WHERE trace_id = ?", (trace_id,)
        ).fetchone()
        trace = joined(trace_id, from_json(row["body"]) if row else (), new)
        kind = class_of(trace, self._settings.slow_ms)
        body = to_json(trace.spans)
        size = len(body.encode()) + ROW_BYTES
        pinned = bool(row and row["pinned"])
        if row is None:
            self._arrived += 1
        if not pinned:
            if row is not None:
                self._forget(row["kind"], row["size"])
            self._rooms[kind].count += 1
            self._rooms[kind].size += size
        arrived = self._arrived if row is None else row["arrived"]
        write.execute(
            "INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (trace_id) DO UPDATE"
            " SET kind = excluded.kind, start_ns = excluded.start_ns, size = excluded.size,"
            " duration_ms = excluded.duration_ms, body = excluded.body",
            (
                trace_id,
                kind,
                arrived,
                trace.start_ns,
                trace.main.duration_ms,
                size,
                int(pinned),
                body,
            ),
        )
        write.executemany(
            "INSERT OR IGNORE INTO trace_links VALUES (?, ?)",
            [(trace_id, linked) for linked in trace.links],
        )

    def _drop(self, write: sqlite3.Connection, kind: str, room: Room) -> None:
        while room.count and room.is_over(kind, self._settings):
            row = write.execute(
                "SELECT trace_id, size FROM traces WHERE kind = ? AND pinned = 0"
                " ORDER BY arrived LIMIT 1",
                (kind,),
            ).fetchone()
            write.execute("DELETE FROM traces WHERE trace_id = ?", (row["trace_id"],))
            self._forget(kind, row["size"])

    def _set_pin(self, write: sqlite3.Connection, trace_id: str, *, to: int) -> None:
        row = write.execute(
            "SELECT kind, size FROM traces WHERE trace_id = ? AND pinned = ?", (trace_id, 1 - to)
        ).fetchone()
        if row is None:
            return
        write.execute("UPDATE traces SET pinned = ? WHERE trace_id = ?", (to, trace_id))
        if to:
            self._forget(row["kind"], row["size"])
        else:
            self._rooms[row["kind"]].count += 1
            self._rooms[row["kind"]].size += row["size"]

    def _count(self) -> None:
        self._rooms = {kind: Room() for kind in SHARES}
        rows = self._database.read(
            "SELECT kind, count(*), sum(size) FROM traces WHERE pinned = 0 GROUP BY kind"
        )
        for kind, count, size in rows:
            self._rooms[kind] = Room(count, size)

    def _forget(self, kind: str, size: int) -> None:
        self._rooms[kind].count -= 1
        self._rooms[kind].size -= size
