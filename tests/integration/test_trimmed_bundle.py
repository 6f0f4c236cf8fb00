"""Claims about a trimmed bundle from the command line to the gateway."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_client import messages
from ctr_client.client import PredictionClient
from ctr_service.bundle.bundle import load_bundle
from tests.support.gateway import running_gateway
from tests.support.trim_world import RARE, fit_trim_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

MAIN = "from ctr_export.cli import main; main()"
TIMEOUT_S = 300
TITLES = ("red lamp", "blue chair", "green 台灯", "红色 chair", "zzz 9")


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", MAIN, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint and its log."""
    return fit_trim_checkpoint(tmp_path_factory.mktemp("fit"))


def _build(checkpoint: Path, out: Path, *flags: str | Path) -> subprocess.CompletedProcess[str]:
    common = ("--candidates", "fp32", "--threads", "1")
    return _run("build", checkpoint, "--out", out, *common, *flags)


def _served(bundle: Path, titles: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    items = [
        messages.Item(f"i{n}", title, features={"price": 9.5}) for n, title in enumerate(titles)
    ]
    with running_gateway(bundle) as gateway, PredictionClient(gateway.target) as client:
        answer = client.predict_clicks(messages.search("lamp 7", items), deadline_s=10.0)
    return np.array([one.click_probability for one in answer.predictions])


def test_the_gateway_serves_a_trimmed_bundle_unchanged(
    fitted: tuple[Path, Path], tmp_path: Path
) -> None:
    """Titles of kept pieces get the untrimmed bundle's probabilities; the report has the rest."""
    checkpoint, log = fitted
    plain = _build(checkpoint, tmp_path / "plain")
    assert plain.returncode == 0, plain.stderr
    trimmed = _build(
        checkpoint, tmp_path / "trimmed", "--trim-vocabulary", log, "--trim-auc-drop", "1"
    )
    assert trimmed.returncode == 0, trimmed.stderr
    record = load_bundle(tmp_path / "trimmed").manifest.trimming
    assert record is not None
    printed = " ".join(trimmed.stdout.split())
    assert f"{record.pieces_after:,} of {record.pieces_before:,}" in printed
    assert f"{record.changed_pairs:,} ({record.changed_share:.2%})" in printed
    assert "trimming the vocabulary from" in trimmed.stderr
    served = [_served(tmp_path / name, TITLES) for name in ("plain", "trimmed")]
    np.testing.assert_allclose(served[1], served[0], rtol=0, atol=1e-6)
    assert np.ptp(served[0]) > 1e-3
    rare = [_served(tmp_path / name, (f"{RARE} lamp",)) for name in ("plain", "trimmed")]
    assert np.abs(rare[0] - rare[1]).max() > 1e-6
    assert {path.name for path in tmp_path.iterdir()} == {"plain", "trimmed"}


def test_bad_options_end_in_one_sentence(fitted: tuple[Path, Path], tmp_path: Path) -> None:
    """No traceback, nothing written: a log that is not there, a count without a log."""
    checkpoint, _ = fitted
    absent = _build(checkpoint, tmp_path / "b", "--trim-vocabulary", tmp_path / "none.csv")
    assert absent.returncode == 1
    assert "none.csv does not exist" in absent.stderr
    assert "Traceback" not in absent.stderr
    alone = _build(checkpoint, tmp_path / "b", "--trim-least-count", "3")
    assert alone.returncode == 2
    assert "--trim-least-count needs --trim-vocabulary LOG" in alone.stderr
    drop = _build(checkpoint, tmp_path / "b", "--trim-auc-drop", "0.1")
    assert "--trim-auc-drop needs --trim-vocabulary LOG" in drop.stderr
    assert list(tmp_path.iterdir()) == []
