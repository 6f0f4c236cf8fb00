"""The file of objectives: what is read, and how a mistake in it is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ctr_alerts.errors import AlertsError
from ctr_alerts.loading import load_slo
from tests.support.alerting_tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOURCE = ROOT / "k8s" / "alerts" / "slo.yaml"


def _edited(edit: Callable[[dict[str, Any]], object], folder: Path) -> Path:
    tree = yaml.safe_load(SOURCE.read_text())
    edit(tree)
    path = folder / "slo.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def test_the_committed_file_is_sound() -> None:
    """The repository's own file loads, and promises what it says."""
    slo = load_slo(SOURCE)
    assert slo.objectives.latency[0].threshold_ms == 100
    assert slo.objectives.availability.budget == 0.001
    assert slo.methods == ("PredictClicks", "ModelInfer")


MISTAKES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a threshold that is no bucket edge": (
        lambda t: t["objectives"]["latency"][0].update(threshold_ms=120),
        r"objectives\.latency\[0\]\.threshold_ms must be one of duration_bounds_ms .* not 120",
    ),
    "two targets for one threshold": (
        lambda t: t["objectives"]["latency"][1].update(threshold_ms=100),
        r"objectives\.latency\[1\]\.threshold_ms is 100 twice",
    ),
    "bounds that do not rise": (
        lambda t: t["duration_bounds_ms"].insert(3, 10),
        r"duration_bounds_ms\[3\] must be above the bound before it, 10, not 10",
    ),
    "a first bound of nothing": (
        lambda t: t["duration_bounds_ms"].insert(0, 0),
        r"duration_bounds_ms\[0\] must be above 0",
    ),
    "a target of all": (
        lambda t: t["objectives"]["availability"].update(target_percent=100),
        r"objectives\.availability\.target_percent must be less than 100, not 100",
    ),
    "a burn rate that can never be": (
        lambda t: t["objectives"]["degraded"].update(target_percent=90),
        r"burn\[0\]\.burn_rate must be below 10 for the target of objectives\.degraded",
    ),
    "windows the wrong way round": (
        lambda t: t["burn"][0].update(short="2h"),
        r"burn\[0\]\.short must be below burn\[0\]\.long, 1h",
    ),
    "one window twice": (
        lambda t: t["burn"][1].update(long="1h"),
        r"burn\[1\]\.long is 1h twice",
    ),
    "a window of two scrapes": (
        lambda t: t["burn"][0].update(short="30s"),
        r"burn\[0\]\.short must be at least 4 x intervals\.scrape, 1m, not 30s",
    ),
    "rules evaluated too seldom": (
        lambda t: t["intervals"].update(page="10m"),
        r"intervals\.page must be at most burn\[0\]\.short, 5m",
    ),
    "nobody is woken": (
        lambda t: [row.update(severity="ticket") for row in t["burn"]],
        r"burn needs at least one row of severity page",
    ),
    "a severity of another kind": (
        lambda t: t["burn"][0].update(severity="panic"),
        r"burn\[0\]\.severity must be 'page' or 'ticket', not 'panic'",
    ),
    "a duration without a unit": (
        lambda t: t["signals"]["queue_saturated"].update({"for": 300}),
        r"signals\.queue_saturated\.for must be a whole number with one of the units .* not 300",
    ),
    "a duration of nothing": (
        lambda t: t["burn"][0].update(long="0s"),
        r"burn\[0\]\.long must be longer than nothing, not '0s'",
    ),
    "a misspelt key": (
        lambda t: t["objectives"].update(availibility={}),
        r"objectives\.availibility is no setting here; is it misspelt\?",
    ),
    "a key that is missing": (
        lambda t: t["objectives"].pop("shed"),
        r"objectives\.shed is missing",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_file_and_field(mistake: str, tmp_path: Path) -> None:
    """Each mistake names the file, the field, what it must be and what it is."""
    edit, sentence = MISTAKES[mistake]
    path = _edited(edit, tmp_path)
    with pytest.raises(AlertsError) as raised:
        load_slo(path)
    assert re.search(rf"^{re.escape(str(path))}: {sentence}", str(raised.value), re.MULTILINE)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Two mistakes are two lines, so that nobody mends one to meet the next."""

    def edit(tree: dict[str, Any]) -> None:
        tree["burn"][0].update(short="2h")
        tree["objectives"]["latency"][0].update(threshold_ms=120)

    with pytest.raises(AlertsError) as raised:
        load_slo(_edited(edit, tmp_path))
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("a: [", "is no YAML: "), ("- 1", "the file must be "), ("", "the file must be ")],
)
def test_a_file_of_another_kind_is_told(text: str, sentence: str, tmp_path: Path) -> None:
    """What is no YAML, or no mapping, is said to be that."""
    path = tmp_path / "slo.yaml"
    path.write_text(text)
    with pytest.raises(AlertsError, match=sentence):
        load_slo(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(AlertsError, match=r"nowhere\.yaml cannot be read: No such file"):
        load_slo(tmp_path / "nowhere.yaml")
