"""Starting the real process: what keeps it from serving is one sentence and exit code 1."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ctr_service.cli import main
from tests.support.gateway import running_gateway
from tests.support.tiny_bundle import GRAPH_FILE, make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle for this file; tests that harm it copy it."""
    return make_tiny_bundle(tmp_path_factory.mktemp("start") / "bundle")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `ctr-service` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ctr_service", *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def sentence(result: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error; fails when there is more than it and the log's JSON lines."""
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = (line for line in result.stderr.splitlines() if not line.startswith("{"))
    assert line.startswith("Error: ")
    return line


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("harm", "part"),
    [
        (lambda folder: flip(folder / GRAPH_FILE), "does not match"),
        (lambda folder: flip(folder / "tokenizer.json"), "does not match"),
        (lambda folder: flip(folder / "manifest.json"), "was changed"),
        (lambda folder: (folder / GRAPH_FILE).unlink(), "is missing"),
        (lambda folder: (folder / "manifest.json.sha256").unlink(), "is missing"),
        (shutil.rmtree, "no folder"),
    ],
    ids=["graph", "tokenizer", "manifest", "no-graph", "no-digest", "no-folder"],
)
def test_a_harmed_bundle_is_found_by_check(
    bundle: Path, tmp_path: Path, harm: Callable[[Path], None], part: str
) -> None:
    """One flipped bit or one missing file is a sentence and exit code 1."""
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    harm(copy)
    result = CliRunner().invoke(main, ["check", "--bundle", str(copy)])
    assert result.exit_code == 1
    assert part in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_harmed_bundle_does_not_serve(bundle: Path, tmp_path: Path) -> None:
    """The same check stands before serving."""
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    flip(copy / GRAPH_FILE)
    ports = ("--port", "0", "--metrics-port", "0")
    assert "does not match" in sentence(run("serve", "--bundle", str(copy), *ports))


@pytest.mark.parametrize(
    ("flag", "field"), [("--port", "address"), ("--metrics-port", "metrics_port")]
)
def test_a_port_in_use_is_a_sentence(bundle: Path, flag: str, field: str) -> None:
    """The second gateway on a port says which port and what to do, and leaves the first alone."""
    with running_gateway(bundle) as first:
        taken = str(first.event("serving")[field]).rpartition(":")[2]
        ports = {"--port": "0", "--metrics-port": "0", flag: taken}
        arguments = [part for pair in ports.items() for part in pair]
        line = sentence(run("serve", "--bundle", str(bundle), *arguments))
        assert taken in line
        assert flag in line
        assert first.stop() == 0


def test_wrong_settings_are_a_sentence(bundle: Path) -> None:
    """A value out of bounds names its flag and the bound."""
    line = sentence(run("serve", "--bundle", str(bundle), "--max-deadline-s", "99"))
    assert "--max-deadline-s must be less than or equal to 10" in line


def test_an_engine_that_is_not_there_is_a_sentence(bundle: Path) -> None:
    """Asking for a variant that the bundle has not lists those that it has."""
    line = sentence(run("serve", "--bundle", str(bundle), "--precision", "int8"))
    assert "onnxruntime/fp32" in line


def test_check_scores_a_row_and_says_what_would_serve(bundle: Path) -> None:
    """`check` exits 0 with a summary, for people and as JSON."""
    text = run("check", "--bundle", str(bundle))
    assert (text.returncode, text.stderr) == (0, "")
    assert "joint/onnxruntime/fp32" in text.stdout
    found = json.loads(run("check", "--bundle", str(bundle), "--json").stdout)
    assert (found["model"], found["version"]) == ("tiny", "t1")
    assert 0 < found["probability_of_one_row"] < 1


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("ctr_service.cli", ("grpc", "numpy", "onnxruntime", "pydantic", "ctr_service.app")),
        ("ctr_client.cli", ("grpc", "google.protobuf", "numpy", "pydantic")),
    ],
)
def test_help_needs_nothing_heavy(module: str, heavy: tuple[str, ...]) -> None:
    """`--help` loads neither gRPC nor numpy, so that it answers at once."""
    code = (
        f"import sys, {module}\n"
        f"try: {module}.main(['--help'])\n"
        f"finally: print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=180
    )
    assert (result.returncode, result.stderr.strip()) == (0, "[]")
    assert "Examples:" in result.stdout
