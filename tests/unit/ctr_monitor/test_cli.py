"""The commands beside `serve`: list, show, note, export."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ctr_monitor.alerts.grouping import GroupSettings
from ctr_monitor.cli import COMMANDS, main
from ctr_monitor.store.database import Database
from ctr_monitor.store.incidents import IncidentStore
from tests.support.monitor_alerts import T0_MS, notification, wire_alert

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with two incidents, the second one resolved."""
    path = tmp_path / "monitor.sqlite"
    database = Database(path, serving=True)
    incidents = IncidentStore(database)
    for name, ends_ms in (("CtrShedBurn", None), ("CtrModelStale", T0_MS + 300_000)):
        told = notification(wire_alert(name, ends_ms=ends_ms), group=name)
        incidents.take(told, now_ms=T0_MS, settings=GroupSettings(reopen_ms=0, join_ms=0))
    database.close()
    return str(path)


def run(*arguments: str, code: int = 0) -> str:
    """A command's output."""
    result = CliRunner().invoke(main, arguments, env={"USER": "ann"})
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches(command: str) -> None:
    """`--help` has examples."""
    assert "Examples:" in run(command, "--help")


def test_incidents_are_listed_and_searched(store: str) -> None:
    """Newest first, one a line; words narrow it down; JSON has the same."""
    lines = run("list", "--store", store).splitlines()
    assert [line.split()[0] for line in lines] == ["2", "1"]
    assert "resolved" in lines[0]
    assert "5 min" in lines[0]
    assert run("list", "shedburn", "--store", store).count("\n") == 1
    assert "no incident holds" in run("list", "nothing", "--store", store)
    found = json.loads(run("list", "--json", "--limit", "1", "--store", store))
    assert [incident["title"] for incident in found] == ["CtrModelStale"]


def test_one_is_shown(store: str) -> None:
    """As Markdown, or JSON."""
    text = run("show", "1", "--store", store)
    assert text.startswith("# Incident 1: CtrShedBurn")
    assert "Runbook: `k8s/runbooks/CtrShedBurn.md`" in text
    linked = run("show", "1", "--store", store, "--runbook-base", "https://x.example/")
    assert "https://x.example/k8s/runbooks/CtrShedBurn.md" in linked
    assert json.loads(run("show", "1", "--json", "--store", store))["id"] == 1
    assert "there is no incident 9" in run("show", "9", "--store", store, code=1)


def test_a_note_is_kept_and_shown(store: str) -> None:
    """With cause and minutes; the caller's name by default; wrong input in one sentence."""
    said = run(
        "note",
        "1",
        "--store",
        store,
        "--note",
        "Scaled *up*",
        "--cause",
        "overload",
        "--minutes",
        "9",
    )
    assert said == "kept with incident 1\n"
    text = run("show", "1", "--store", store)
    assert "Scaled \\*up\\*" in text
    assert "Cause: overload. By ann, resolved in 9 min." in text
    assert "cause" in run("note", "1", "--store", store, "--note", "x", "--cause", "nobody", code=1)


def test_everything_is_exported(store: str, tmp_path: Path) -> None:
    """One JSON object a line, on stdout or in a file; or a Markdown file an incident."""
    lines = run("export", "--store", store).splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 2]
    run("export", "--store", store, "--out", str(tmp_path / "all.jsonl"))
    assert (tmp_path / "all.jsonl").read_text().splitlines() == lines
    run("export", "--store", store, "--format", "markdown", "--out", str(tmp_path / "md"))
    assert sorted(p.name for p in (tmp_path / "md").iterdir()) == ["incident-1.md", "incident-2.md"]
    assert "--out FOLDER" in run("export", "--store", store, "--format", "markdown", code=2)


def test_a_missing_store_is_one_sentence(tmp_path: Path) -> None:
    """No traceback, no new file."""
    path = tmp_path / "none.sqlite"
    assert "is not there" in run("list", "--store", str(path), code=1)
    assert not path.exists()


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--listen", "9400"),
        ("--prometheus", "prometheus:9090"),
        ("--job", 'x"}'),
        ("--listen", "h:99999"),
    ],
)
def test_wrong_flags_are_refused(flag: str, value: str, tmp_path: Path) -> None:
    """Before anything is opened."""
    flags = {"--store": str(tmp_path / "m"), "--prometheus": "http://x", flag: value}
    output = run("serve", *(part for pair in flags.items() for part in pair), code=2)
    assert flag in output
