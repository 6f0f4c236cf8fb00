"""The two files that `serve` may be given: objectives and the allow-list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_monitor.around.objectives import objectives_from
from ctr_monitor.errors import SettingsError
from ctr_monitor.remedies.allow_list import read_allow_list

if TYPE_CHECKING:
    from pathlib import Path

SLO = """
objectives:
  availability: {target_percent: 99.9}
  latency:
    - {threshold_ms: 100, target_percent: 99}
  model_freshness: {max_age: 14d}
burn:
  - {severity: page, burn_rate: 14.4, long: 1h, short: 5m}
  - {severity: ticket, burn_rate: 1, long: 3d, short: 6h}
other: ignored
"""
GOOD = '[[remedy]]\nname = "a"\ntitle = "A"\ncauses = ["overload"]\nargv = ["true"]\n'


def test_objectives_are_read(tmp_path: Path) -> None:
    """Budgets and windows, shortest first; an objective that the file lacks has no budget."""
    path = tmp_path / "slo.yaml"
    path.write_text(SLO)
    read = objectives_from(path)
    budgets = {objective.slo: objective.budget for objective in read.objectives}
    assert budgets["availability"] == pytest.approx(0.001)
    assert budgets["latency, 100 ms"] == pytest.approx(0.01)
    assert budgets["shed"] is None
    assert read.windows == ("5m", "1h", "6h", "3d")


def test_without_a_file_shares_are_asked_for() -> None:
    """No budgets, but the bad shares over the usual windows."""
    read = objectives_from(None)
    assert {objective.budget for objective in read.objectives} == {None}
    assert read.windows


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("objectives: {availability: {target_percent: 100}}", "target_percent"),
        ("objectives: [", "no YAML"),
        ("burn: []", "objectives"),
        ("objectives: {}\nburn: [{long: forever, short: 5m}]", "long"),
    ],
)
def test_wrong_objectives_are_named(tmp_path: Path, text: str, named: str) -> None:
    """The sentence names file and field."""
    path = tmp_path / "slo.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=named):
        objectives_from(path)


def test_remedies_are_read(tmp_path: Path) -> None:
    """A remedy is rehearsed only, unless it says otherwise; no file means none."""
    path = tmp_path / "remedies.toml"
    path.write_text(GOOD)
    read = read_allow_list(path)
    assert read.named("a") == read.against("overload")[0]
    assert not read.remedy[0].may_run
    assert read.named("b") is None
    assert not read_allow_list(None).remedy


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD + GOOD, "same name"),
        (GOOD.replace("overload", "bad luck"), "no cause"),
        (GOOD.replace('["true"]', '"rm -rf /"'), "argv"),
        (GOOD.replace('["true"]', "[]"), "argv"),
        (GOOD + "shell = true\n", "shell"),
        (GOOD.replace('"a"', '"A b"'), "name"),
        ("[[remedy", "no TOML"),
    ],
)
def test_a_wrong_allow_list_stops_the_start(tmp_path: Path, text: str, named: str) -> None:
    """An allow-list that is not understood allows nothing: the start ends with a sentence."""
    path = tmp_path / "remedies.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=named):
        read_allow_list(path)
    with pytest.raises(SettingsError):
        read_allow_list(tmp_path / "missing.toml")
