"""A claim about the way from a log to two bundles in one table, each step its own command."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.bundle.bundle import load_bundle
from tests.support.tiny_log import write_tiny_log
from tests.support.tiny_model import make_tiny_model

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 300


def _run(program: str, *arguments: str | Path) -> str:
    """Run a command as its own process; return what it printed."""
    code = f"from {program}.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_student_is_exported_and_stands_beside_its_teacher(tmp_path: Path) -> None:
    """fit, distill, two builds and one comparison: half the layers, a smaller file, its own AUC."""
    log = write_tiny_log(tmp_path / "log.csv", queries=120)
    base = make_tiny_model(tmp_path / "base", layers=4)
    one = ("--threads", "1")
    learning = ("--lr", "3e-3", "--batch-size", "16", *one)
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    passes = ("--epochs", "3")
    _run("ctr_train", "fit", log, "--out", teacher, "--base-model", base, *passes, *learning)
    where = ("--data", log, "--out", student)
    said = _run("ctr_train", "distill", teacher, *where, "--layers", "2", *learning, "--json")
    for checkpoint in (teacher, student):
        bundle = tmp_path / f"{checkpoint.name}-bundle"
        _run("ctr_export", "build", checkpoint, "--out", bundle, "--candidates", "fp32", *one)
    bundles = (tmp_path / "teacher-bundle", tmp_path / "student-bundle")
    table = json.loads(_run("ctr_export", "compare", *bundles, "--rows", teacher, *one, "--json"))

    first, second = table["graphs"]
    assert (first["layers"], second["layers"]) == (4, 2)
    assert second["size_bytes"] < first["size_bytes"]
    assert np.isfinite([first["pairs_per_second"], second["speed_ratio"]]).all()
    # The same rows and the same graphs as the trainer's: its figures come again.
    content = json.loads(said)
    assert first["auc"] == pytest.approx(content["teacher"]["auc"], abs=1e-3)
    assert second["auc"] == pytest.approx(content["student"]["auc"], abs=1e-3)
    metrics = load_bundle(bundles[1]).manifest.metrics
    assert metrics["teacher.auc"] == pytest.approx(content["teacher"]["auc"])
    assert metrics["student.layers"] == 2
