"""The store's tables, as the steps that lead to them. A step that was released is never edited."""

from __future__ import annotations

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE incidents (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      group_key TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('firing', 'resolved')),
      severity TEXT NOT NULL,
      title TEXT NOT NULL,
      started_ms INTEGER NOT NULL,
      resolved_ms INTEGER,
      reopened INTEGER NOT NULL DEFAULT 0,
      notifications INTEGER NOT NULL DEFAULT 0,
      suspect_keys TEXT NOT NULL DEFAULT '[]',
      resolution TEXT,
      due_ms INTEGER,
      attempts INTEGER NOT NULL DEFAULT 0,
      looks INTEGER NOT NULL DEFAULT 0,
      search_text TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX incidents_due ON incidents (due_ms) WHERE due_ms IS NOT NULL;
    CREATE INDEX incidents_started ON incidents (started_ms);
    CREATE TABLE alerts (
      incident_id INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
      fingerprint TEXT NOT NULL,
      starts_ms INTEGER NOT NULL,
      body TEXT NOT NULL,
      PRIMARY KEY (incident_id, fingerprint)
    );
    CREATE INDEX alerts_fingerprint ON alerts (fingerprint);
    CREATE TABLE reports (
      incident_id INTEGER PRIMARY KEY REFERENCES incidents (id) ON DELETE CASCADE,
      body TEXT NOT NULL
    );
    """,
    """
    CREATE TABLE traces (
      trace_id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      arrived INTEGER NOT NULL,
      start_ns INTEGER NOT NULL,
      duration_ms REAL NOT NULL,
      size INTEGER NOT NULL,
      pinned INTEGER NOT NULL DEFAULT 0,
      body TEXT NOT NULL
    );
    CREATE INDEX traces_kind ON traces (kind, pinned, arrived);
    CREATE INDEX traces_start ON traces (start_ns);
    CREATE TABLE trace_links (
      trace_id TEXT NOT NULL REFERENCES traces (trace_id) ON DELETE CASCADE,
      linked_id TEXT NOT NULL,
      PRIMARY KEY (linked_id, trace_id)
    ) WITHOUT ROWID;
    CREATE INDEX trace_links_owner ON trace_links (trace_id);
    """,
    """
    CREATE TABLE remedy_runs (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      incident_id INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
      remedy TEXT NOT NULL,
      argv TEXT NOT NULL,
      dry INTEGER NOT NULL,
      by TEXT NOT NULL,
      started_ms INTEGER NOT NULL,
      ended_ms INTEGER,
      outcome TEXT NOT NULL,
      output TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX remedy_runs_incident ON remedy_runs (incident_id);
    """,
)
VERSION = len(STEPS)
