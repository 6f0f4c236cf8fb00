"""Claims about `ctr-export` as its own process: help, errors, and kill -9 at any step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ctr_service.bundle.bundle import load_bundle
from ctr_service.bundle.manifest import Manifest
from ctr_service.errors import BundleError
from tests.support.tiny_checkpoint import make_tiny_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

MAIN = "from ctr_export.cli import main; main()"
STEPS = ("exporting the graph", "judging fp32", "writing the bundle")
"""Lines on stderr, each said when its step begins."""
TIMEOUT_S = 300


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", MAIN, *map(str, arguments)]


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint."""
    return make_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


def _build(checkpoint: Path, out: Path) -> tuple[str | Path, ...]:
    return ("build", checkpoint, "--out", out, "--candidates", "fp32,int8-token", "--threads", "1")


def _kill_at(step: str, checkpoint: Path, out: Path) -> None:
    """Start a build and kill it as soon as it says that `step` begins."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        _command(*_build(checkpoint, out)), stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if step in line:
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait(TIMEOUT_S) == -signal.SIGKILL, "".join(said)


def test_a_killed_build_leaves_nothing_that_looks_complete(
    checkpoint: Path, tmp_path: Path
) -> None:
    """After kill -9 at any step no bundle loads, and the next build works and cleans up."""
    out = tmp_path / "bundle"
    for step in STEPS:
        _kill_at(step, checkpoint, out)
        with pytest.raises(BundleError):
            load_bundle(out)
        assert {path.name for path in tmp_path.iterdir()} == {".bundle.partial"}
        with pytest.raises(BundleError):
            load_bundle(tmp_path / ".bundle.partial")
    finished = _run(*_build(checkpoint, out), "--json")
    assert finished.returncode == 0, finished.stderr
    assert load_bundle(out).manifest == Manifest.model_validate(json.loads(finished.stdout))
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]

    before = load_bundle(out).manifest_sha256
    _kill_at(STEPS[1], checkpoint, out)
    assert load_bundle(out).manifest_sha256 == before


def test_a_refused_gate_exits_with_1_and_the_figures(checkpoint: Path, tmp_path: Path) -> None:
    """The message names the graph, the check and the distance; nothing is written."""
    result = _run(*_build(checkpoint, tmp_path / "bundle"), "--fp32-max-delta", "0")
    assert result.returncode == 1
    assert "fp32: largest change of a probability against PyTorch" in result.stderr
    assert "exceeds the limit 0 by" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    """A missing checkpoint exits with 1 and says what to run, without a traceback."""
    result = _run(*_build(tmp_path / "none", tmp_path / "bundle"))
    assert result.returncode == 1
    assert "ctr-train fit" in result.stderr
    assert "Traceback" not in result.stderr


def test_help_needs_no_torch() -> None:
    """Help of the program and of build comes without importing torch or Transformers."""
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from ctr_export.cli import main\n"
        "for words in (['--help'], ['build', '--help']):\n"
        "    result = CliRunner().invoke(main, words)\n"
        "    assert result.exit_code == 0, result.output\n"
        "    print(result.output)\n"
        "assert not {'torch', 'transformers', 'onnxruntime'} & sys.modules.keys()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "inspect" in result.stdout
    assert "--invariance-p99" in result.stdout
    assert "0.002" in result.stdout
