"""Steps run when something they depend on changed, and only then."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from ctr_demo.errors import DemoError
from ctr_demo.steps import Step, StepRunner
from ctr_service.clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

COPY = "import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2])"


def _make_runner(folder: Path) -> StepRunner:
    return StepRunner(folder / "stamps", Console(file=io.StringIO()), ManualClock())


def _make_step(folder: Path, code: str = COPY) -> Step:
    source, output = folder / "in.txt", folder / "out.txt"
    return Step(
        name="copy",
        command=(sys.executable, "-c", code, str(source), str(output)),
        inputs=(source,),
        packages=("ctr_demo",),
        output=output,
    )


def test_an_unchanged_step_is_skipped(tmp_path: Path) -> None:
    """The second run of a step with the same input does nothing."""
    (tmp_path / "in.txt").write_text("one")
    runner, step = _make_runner(tmp_path), _make_step(tmp_path)
    assert runner.run(step) is True
    assert runner.run(step) is False


def test_a_changed_input_runs_the_step_again(tmp_path: Path) -> None:
    """A changed input file makes the step run and its output new."""
    (tmp_path / "in.txt").write_text("one")
    runner, step = _make_runner(tmp_path), _make_step(tmp_path)
    runner.run(step)
    (tmp_path / "in.txt").write_text("two")
    assert runner.run(step) is True
    assert step.output.read_text() == "two"


def test_a_missing_output_runs_the_step_again(tmp_path: Path) -> None:
    """A stamp without its output counts for nothing."""
    (tmp_path / "in.txt").write_text("one")
    runner, step = _make_runner(tmp_path), _make_step(tmp_path)
    runner.run(step)
    step.output.unlink()
    assert runner.run(step) is True


def test_a_failed_step_leaves_no_stamp(tmp_path: Path) -> None:
    """A failing command stops the demo, and an older stamp does not vouch for its output."""
    (tmp_path / "in.txt").write_text("one")
    runner = _make_runner(tmp_path)
    runner.run(_make_step(tmp_path))
    (tmp_path / "in.txt").write_text("two")
    with pytest.raises(DemoError, match="exit code 3"):
        runner.run(_make_step(tmp_path, "raise SystemExit(3)"))
    assert not list((tmp_path / "stamps").iterdir())
