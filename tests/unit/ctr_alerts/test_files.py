"""Writing, drift, and what is noticed when a runbook or a test goes missing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from ctr_alerts.cli import main
from ctr_alerts.completeness import gaps
from ctr_alerts.files import drift, remove_stray, write_all
from tests.support.alerting_tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

RULES, TESTS = "k8s/alerts/generated/rules", "k8s/alerts/generated/tests"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what alerts are made of, which a test may break."""
    shutil.copytree(ROOT / "k8s", tmp_path / "k8s", ignore=shutil.ignore_patterns("ctr_*"))
    target = tmp_path / "service/ctr_service/telemetry"
    target.mkdir(parents=True)
    shutil.copy(ROOT / "service/ctr_service/telemetry/bounds.py", target)
    return tmp_path


def _remove_tests_of(tree: Path, words: str) -> None:
    for path in (tree / TESTS).glob("*_test.yaml"):
        content = yaml.safe_load(path.read_text())
        content["tests"] = [test for test in content["tests"] if words not in test["name"]]
        path.write_text(yaml.safe_dump(content))


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a runbook is removed": (
        lambda tree: (tree / "k8s/runbooks/CtrLatencyBurn.md").unlink(),
        "CtrLatencyBurn.md is missing",
    ),
    "a runbook of no alert is added": (
        lambda tree: (tree / "k8s/runbooks/CtrNothing.md").write_text("x"),
        "CtrNothing.md is the runbook of no alert",
    ),
    "a heading is removed": (
        lambda tree: (tree / "k8s/runbooks/CtrCacheCold.md").write_text(
            (tree / "k8s/runbooks/CtrCacheCold.md").read_text().replace("## Impact", "Impact")
        ),
        "CtrCacheCold.md says nothing under `## Impact`",
    ),
    "a heading is left empty": (
        lambda tree: (tree / "k8s/runbooks/CtrCacheCold.md").write_text(
            "## Meaning\n\nx\n\n## Impact\n\n## Diagnosis\n\nx\n\n## Mitigation\n\nx\n"
        ),
        "CtrCacheCold.md says nothing under `## Impact`",
    ),
    "the tests of firing are removed": (
        lambda tree: _remove_tests_of(tree, "CtrQueueSaturated fires"),
        "no promtool test shows that the alert alertname=CtrQueueSaturated",
    ),
    "the tests of silence are removed": (
        lambda tree: _remove_tests_of(tree, "CtrShedBurn is silent"),
        "keeps silent",
    ),
}


def test_a_copy_that_nobody_broke_has_no_gap(tree: Path) -> None:
    """The breaks below are what makes the difference."""
    assert gaps(tree) == ()


@pytest.mark.parametrize("what", BREAKS)
def test_a_gap_is_told(what: str, tree: Path) -> None:
    """A missing runbook, heading or test is named."""
    break_it, sentence = BREAKS[what]
    break_it(tree)
    assert any(sentence in gap for gap in gaps(tree))


def test_the_check_fails_when_a_runbook_is_removed(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `make lint` runs passes, and fails once a runbook is gone."""
    monkeypatch.chdir(tree)
    assert CliRunner().invoke(main, ["check"]).exit_code == 0
    (tree / "k8s/runbooks/CtrGatewayGone.md").unlink()
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 1
    assert "the alert CtrGatewayGone has no runbook" in result.output


def test_the_check_fails_on_an_edited_file(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of a generated file, and a new source without `make alerts`, are drift."""
    monkeypatch.chdir(tree)
    source = tree / "k8s/alerts/slo.yaml"
    source.write_text(source.read_text().replace("target_percent: 99.9}", "target_percent: 99.8}"))
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 1
    assert "budgets.yaml is not what k8s/alerts/slo.yaml says" in result.output
    assert "run `make alerts`" in result.output
    assert CliRunner().invoke(main, ["generate"]).exit_code == 0
    assert CliRunner().invoke(main, ["check"]).exit_code == 0


def test_a_drill_gets_shortened_rules_in_a_folder_of_its_own(tmp_path: Path) -> None:
    """--window-scale writes rules and routes beside, and refuses to touch production's."""
    slo = str(ROOT / "k8s/alerts/slo.yaml")
    arguments = ["generate", "--slo", slo, "--window-scale", "0.005", "--out", str(tmp_path)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.yaml")}
    assert written == {
        *("alertmanager.yaml", "rules/signals.yaml"),
        *("rules/budgets.yaml", "rules/burn_page_1h.yaml", "rules/burn_page_6h.yaml"),
        *("rules/burn_ticket_1d.yaml", "rules/burn_ticket_3d.yaml"),
    }
    assert "[18s]" in (tmp_path / "rules/burn_page_1h.yaml").read_text()
    refused = CliRunner().invoke(main, ["generate", "--slo", slo, "--window-scale", "0.005"])
    assert refused.exit_code == 2
    assert "--window-scale needs --out" in refused.output


def test_a_source_with_a_mistake_is_one_sentence(tmp_path: Path) -> None:
    """No traceback for whoever edits the file."""
    path = tmp_path / "slo.yaml"
    path.write_text("service_name: x\n")
    result = CliRunner().invoke(main, ["generate", "--slo", str(path)])
    assert result.exit_code == 1
    assert f"Error: {path}: job is missing" in result.output


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    """A file that is as it should be is left alone; nothing is left beside it."""
    texts = {Path("a/b.yaml"): "one\n", Path("c.yaml"): "two\n"}
    assert write_all(texts, tmp_path) == (Path("a/b.yaml"), Path("c.yaml"))
    assert write_all({**texts, Path("c.yaml"): "three\n"}, tmp_path) == (Path("c.yaml"),)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"b.yaml", "c.yaml"}


def test_files_that_nothing_generates_any_more_are_drift_and_go(tree: Path) -> None:
    """A renamed rule file would otherwise still be loaded beside its successor."""
    stray = Path(RULES) / "old.yaml"
    (tree / stray).write_text("groups: []\n")
    texts = {
        path.relative_to(tree): path.read_text()
        for path in (tree / "k8s/alerts/generated").rglob("*")
        if path.is_file() and path.name != "old.yaml"
    }
    assert drift(texts, tree) == (f"{stray} is generated by nothing",)
    assert remove_stray(texts, tree) == (stray,)
    assert drift(texts, tree) == ()
