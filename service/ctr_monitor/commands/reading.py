"""An incident's view, read from a store without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_monitor.clock import SystemWallClock
from ctr_monitor.report.view import IncidentView, suspects_of
from ctr_monitor.seen_before import seen_before
from ctr_monitor.store.incidents import IncidentStore
from ctr_monitor.store.remedy_runs import RemedyRuns

if TYPE_CHECKING:
    from ctr_monitor.store.database import Database

PAST = 500


def view_of(database: Database, incident_id: int, runbook_base: str = "") -> IncidentView:
    """Return an incident with what is known of similar ones.

    Raises:
        NotThereError: no such incident.
    """
    incidents = IncidentStore(database)
    incident = incidents.get(incident_id)
    past = incidents.search(limit=PAST, before_id=incident_id)
    return IncidentView(
        incident=incident,
        suspects=suspects_of(incident.report, {}),
        alike=tuple(seen_before(incident, past)),
        runs=tuple(RemedyRuns(database).of(incident_id)),
        now_ms=SystemWallClock().now_ms(),
        runbook_base=runbook_base,
    )
