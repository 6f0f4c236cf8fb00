"""The store: schema, locks, incidents, reports, search."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from ctr_monitor.alerts.grouping import GroupSettings
from ctr_monitor.errors import NotThereError, StoreError
from ctr_monitor.model import Change, Panel, Report, Resolution, Suspected
from ctr_monitor.store import incidents as incidents_module
from ctr_monitor.store.database import Database
from ctr_monitor.store.incidents import IncidentStore
from ctr_monitor.store.remedy_runs import UNKNOWN_END, RemedyRuns
from ctr_monitor.store.schema import STEPS, VERSION
from tests.support.monitor_alerts import T0_MS, notification, wire_alert

if TYPE_CHECKING:
    from pathlib import Path

GROUP = GroupSettings(reopen_ms=1_800_000, join_ms=0)


def take(
    store: IncidentStore, *alerts: dict[str, object], group: str = "g", at_ms: int = T0_MS
) -> int:
    """Take a webhook; the incident's number."""
    told = notification(*alerts, group=group)
    return store.take(told, now_ms=at_ms, settings=GROUP).incident_id


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """An empty one."""
    return Database(tmp_path / "m.sqlite", serving=True)


@pytest.fixture
def store(database: Database) -> IncidentStore:
    """Of incidents."""
    return IncidentStore(database)


def report(*suspects: str, missing: tuple[str, ...] = (), change: str = "") -> Report:
    """A small report."""
    return Report(
        investigated_ms=T0_MS,
        from_ms=T0_MS - 1000,
        onset_ms=T0_MS,
        onset_seen=True,
        until_ms=T0_MS,
        missing=missing,
        changes=(Change(kind="model", at_ms=T0_MS, text=change),) if change else (),
        suspects=tuple(Suspected(key=k, title=k, score=0.5, evidence=()) for k in suspects),
    )


@pytest.mark.parametrize("known", range(VERSION + 1))
def test_every_older_schema_is_brought_up_to_date(tmp_path: Path, known: int) -> None:
    """A file of each earlier step, with an incident in it, opens and keeps the incident."""
    path = tmp_path / "m.sqlite"
    with sqlite3.connect(path) as old:
        for step in STEPS[:known]:
            old.executescript(step)
        old.execute(f"PRAGMA user_version = {known}")
        if known:
            old.execute(
                "INSERT INTO incidents (group_key, state, severity, title, started_ms)"
                " VALUES ('g', 'firing', 'page', 'CtrShedBurn', 1)"
            )
    old.close()
    database = Database(path, serving=True)
    titles = [incident.title for incident in IncidentStore(database).search()]
    assert titles == (["CtrShedBurn"] if known else [])
    assert database.read("PRAGMA user_version")[0][0] == VERSION
    database.close()


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    """A file of a later release is refused with a sentence, not changed."""
    path = tmp_path / "m.sqlite"
    with sqlite3.connect(path) as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(StoreError, match="newer release"):
        Database(path, serving=True)


def test_only_one_serves(tmp_path: Path) -> None:
    """A second server on the same file is refused; a command may open it beside the first."""
    path = tmp_path / "m.sqlite"
    first = Database(path, serving=True)
    with pytest.raises(StoreError, match="another ctr-monitor"):
        Database(path, serving=True)
    Database(path).close()
    first.close()
    Database(path, serving=True).close()


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    """Neither a file of something else nor a missing one is made into a store by a command."""
    (tmp_path / "text").write_text("this is not a database, and long enough to be read as one")
    with pytest.raises(StoreError, match="cannot be used"):
        Database(tmp_path / "text", serving=True)
    with pytest.raises(StoreError, match="not there"):
        Database(tmp_path / "missing")


def test_a_store_makes_no_folder(tmp_path: Path) -> None:
    """A path whose folder is not there is refused with what to do, and nothing is made."""
    with pytest.raises(StoreError, match=r"mkdir -p .*typo"):
        Database(tmp_path / "typo" / "m.sqlite", serving=True)
    assert list(tmp_path.iterdir()) == []


def test_an_incident_goes_its_way(store: IncidentStore) -> None:
    """Opened, repeated, joined, resolved, reopened: one incident, each step told."""

    def changes(*alerts: dict[str, object], at_ms: int = T0_MS) -> str:
        told = notification(*alerts, group="g")
        return store.take(told, now_ms=at_ms, settings=GROUP).change

    first, second = wire_alert("A"), wire_alert("B", starts_ms=T0_MS + 1000)
    assert changes(first) == "opened"
    assert changes(first) == "repeated"
    assert changes(first, second) == "joined"
    ended = [
        wire_alert(n, starts_ms=s, ends_ms=T0_MS + 9000)
        for n, s in (("A", T0_MS), ("B", T0_MS + 1000))
    ]
    assert changes(*ended) == "resolved"
    again = wire_alert("A", starts_ms=T0_MS + 20_000)
    assert changes(again, at_ms=T0_MS + 20_000) == "reopened"
    found = store.search()
    assert len(found) == 1
    assert (found[0].reopened, found[0].notifications, found[0].state) == (1, 5, "firing")
    assert (found[0].started_ms, found[0].resolved_ms) == (T0_MS, None)
    assert [(alert.name, alert.fired) for alert in found[0].alerts] == [("B", 1), ("A", 2)]


def test_an_old_end_beside_a_new_fire_is_no_part_of_its_incident(store: IncidentStore) -> None:
    """What ended before the fire began is not listed and moves no start, then or later."""
    old_end = wire_alert("Old", starts_ms=T0_MS - 9_000_000, ends_ms=T0_MS - 8_000_000)
    number = take(store, old_end, wire_alert("New"))
    found = store.get(number)
    assert ([alert.name for alert in found.alerts], found.started_ms) == (["New"], T0_MS)
    assert "Old" not in found.title
    # The same end once more, beside the end of what the incident is about, and then alone.
    assert take(store, old_end, wire_alert("New", ends_ms=T0_MS + 5000)) == number
    assert take(store, old_end, wire_alert("New", starts_ms=T0_MS + 9000)) == number
    assert take(store, old_end) == number
    found = store.get(number)
    assert ([alert.name for alert in found.alerts], found.started_ms) == (["New"], T0_MS)


def test_an_end_within_the_fault_is_listed(store: IncidentStore) -> None:
    """An alert whose fire was never told, and that was still on when the other began, counts."""
    brief = wire_alert("Brief", starts_ms=T0_MS - 60_000, ends_ms=T0_MS + 1000)
    found = store.get(take(store, brief, wire_alert("New")))
    assert [alert.name for alert in found.alerts] == ["Brief", "New"]
    assert found.started_ms == T0_MS - 60_000


def test_news_are_due_and_repetition_is_not(store: IncidentStore) -> None:
    """A webhook that says nothing new starts no investigation."""
    number = take(store, wire_alert())
    due = store.due()
    assert due is not None
    assert (due.incident_id, due.due_ms) == (number, T0_MS)
    store.investigated(due, report("overload"), next_ms=None, attempts=0, looks=1)
    take(store, wire_alert(), at_ms=T0_MS + 5)
    assert store.due() is None
    take(store, wire_alert(ends_ms=T0_MS + 6), at_ms=T0_MS + 7)
    assert store.due() is not None


def test_what_happens_during_an_investigation_stays_due(store: IncidentStore) -> None:
    """The end that arrives while a report is made is looked at afterwards."""
    take(store, wire_alert())
    due = store.due()
    assert due is not None
    take(store, wire_alert(ends_ms=T0_MS + 6), at_ms=T0_MS + 7)
    store.investigated(due, report(), next_ms=None, attempts=0, looks=1)
    later = store.due()
    assert later is not None
    assert later.due_ms == T0_MS + 7


def test_a_whole_report_is_not_replaced_by_half_of_one(store: IncidentStore) -> None:
    """Prometheus going away later takes nothing from what is known; the reverse completes it."""
    number = take(store, wire_alert())
    due = store.due()
    assert due is not None
    for made in (report(missing=("all",)), report("overload"), report(missing=("all",))):
        store.investigated(due, made, next_ms=T0_MS, attempts=0, looks=0)
    found = store.get(number)
    assert found.report == report("overload")
    assert found.suspect_keys == ("overload",)


def test_old_reports_lose_their_series_alone(
    store: IncidentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the newest ones a report keeps its words, and gives the room of its plots back."""
    monkeypatch.setattr(incidents_module, "WITH_SERIES", 1)
    panel = Panel(key="traffic", title="Calls", unit="calls/s", lines=())
    for name in ("A", "B"):
        take(store, wire_alert(name), group=name)
        due = store.due()
        assert due is not None
        made = report("overload").model_copy(update={"panels": (panel,)})
        store.investigated(due, made, next_ms=None, attempts=0, looks=1)
    old, new = store.get(1).report, store.get(2).report
    assert old == report("overload")
    assert new is not None
    assert new.panels == (panel,)


def test_history_is_searched_by_every_word(store: IncidentStore) -> None:
    """Labels, suspects, changes and notes are found; all words must be there, case left aside."""
    first = take(store, wire_alert(labels={"caller": "batch-job"}), group="1")
    due = store.due()
    assert due is not None
    store.investigated(
        due, report("redis_lost", change="model v7 appeared"), next_ms=None, attempts=0, looks=1
    )
    second = take(store, wire_alert("CtrModelStale"), group="2")
    note = Resolution(note="Grew the 100% full_disk", cause="", by="eve", at_ms=T0_MS, minutes=5)
    store.resolve_with(second, note)

    def hits(words: str) -> list[int]:
        return [incident.id for incident in store.search(words)]

    assert hits("") == [second, first]
    assert hits("BATCH-job redis_lost v7") == [first]
    assert hits("full_disk eve") == [second]
    assert hits("100% disk") == [second]
    assert hits("100_") == []
    assert hits("batch-job eve") == []
    assert hits("' OR 1=1 --") == []


def test_pages_of_the_list_follow_each_other(store: IncidentStore) -> None:
    """`before_id` goes on where the last page ended."""
    for number in range(5):
        take(store, wire_alert(f"A{number}"), group=str(number))
    assert [i.id for i in store.search(limit=2)] == [5, 4]
    assert [i.id for i in store.search(limit=2, before_id=4)] == [3, 2]


def test_time_to_resolve_is_measured_or_told(store: IncidentStore) -> None:
    """From the first alert to the last end, unless a person says otherwise."""
    number = take(store, wire_alert(ends_ms=T0_MS + 600_000))
    assert store.get(number).minutes_to_resolve == 10.0
    note = Resolution(note="n", cause="", by="a", at_ms=T0_MS, minutes=25)
    store.resolve_with(number, note)
    assert store.get(number).minutes_to_resolve == 25
    with pytest.raises(NotThereError):
        store.resolve_with(99, note)


def test_a_run_that_never_ended_is_on_record(database: Database, store: IncidentStore) -> None:
    """A remedy that took the monitor down has an unknown end after the restart."""
    number = take(store, wire_alert())
    runs = RemedyRuns(database)
    runs.begin(number, "restart", ("true",), dry=False, by="a", now_ms=T0_MS)
    runs.close_unended()
    assert [(run.outcome, run.argv, run.by) for run in runs.of(number)] == [
        (UNKNOWN_END, ("true",), "a")
    ]
    with pytest.raises(NotThereError):
        runs.begin(99, "restart", ("true",), dry=False, by="a", now_ms=T0_MS)
