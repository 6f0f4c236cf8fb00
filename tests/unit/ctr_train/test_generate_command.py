"""`ctr-train generate`, as a user runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from ctr_service.bundle.files import sha256_of
from ctr_train.commands.generate import generate
from ctr_train.log import read_log

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def run(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(generate, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def result_and_log(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """One run that writes a small log."""
    path = tmp_path_factory.mktemp("generated") / "log.csv"
    return run("--out", path, "--seed", "7", "--searches", "60"), path


def test_it_says_generated_wherever_it_speaks(result_and_log: tuple[Result, Path]) -> None:
    """The terminal and the file beside the log call it GENERATED."""
    result, path = result_and_log
    assert result.exit_code == 0
    assert "GENERATED" in result.stdout
    assert json.loads(about(path).read_text())["notice"].startswith("GENERATED")


def test_progress_goes_to_stderr(result_and_log: tuple[Result, Path]) -> None:
    """Standard output holds the outcome alone."""
    result, _ = result_and_log
    assert "generating searches" in result.stderr
    assert "generating searches" not in result.stdout


def test_about_holds_parameters_figures_and_digest(result_and_log: tuple[Result, Path]) -> None:
    """What made the log can be read beside it, and that it is this very log can be checked."""
    _, path = result_and_log
    known: dict[str, Any] = json.loads(about(path).read_text())
    assert known["sha256"] == sha256_of(path)
    assert known["seed"] == 7
    assert known["parameters"]["searches"] == known["figures"]["searches"] == 60
    assert known["parameters"]["attraction"]["right_kind"] > 0.5
    assert known["examination"]["measured"][:3] == [1.0, 0.97, 0.66]
    assert 0.5 < known["figures"]["bayes_auc"] < 1


def test_training_reads_it_and_ignores_the_truth_aloud(result_and_log: tuple[Result, Path]) -> None:
    """The reader takes every feature, and says that it leaves out the id and the truth."""
    _, path = result_and_log
    log = read_log(path)
    names = sorted(
        f"{entity.value}_{name}" for entity, named in log.features.items() for name in named
    )
    assert names == [
        "item_price",
        "user_favourite",
        "user_segment",
    ]
    assert log.position is not None
    said = " ".join(log.notices)
    assert "search_id" in said
    assert "true_attraction" in said


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A failed write is a sentence and exit code 1, not a traceback."""
    (tmp_path / "file").write_text("")
    result = run("--out", tmp_path / "file" / "log.csv", "--searches", "3")
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.stderr


def about(path: Path) -> Path:
    """Where the description of a log lies."""
    return path.with_name(path.name + ".about.json")
