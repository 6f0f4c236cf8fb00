"""Claims about the command line `ctr-train`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ctr_train.cli import COMMANDS, main
from ctr_train.commands.fit import fit
from tests.support.tiny_log import write_tiny_log
from tests.support.tiny_model import make_tiny_model

if TYPE_CHECKING:
    from pathlib import Path


def test_help_lists_every_command_without_importing_pytorch() -> None:
    """`--help` answers at once: neither torch nor transformers nor pandas is loaded for it."""
    script = (
        "import sys; from ctr_train.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'transformers', 'pandas', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert all(name in done.stdout for name in COMMANDS)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_has_a_help_with_an_example(name: str) -> None:
    """`ctr-train NAME --help` shows how it is called."""
    path = [name, "obp"] if name == "recipe" else [name]
    result = CliRunner().invoke(main, [*path, "--help"])

    assert result.exit_code == 0, result.output
    assert f"ctr-train {name}" in result.output


def test_an_unknown_command_is_a_usage_error() -> None:
    """Exit code 2, no traceback."""
    result = CliRunner().invoke(main, ["no-such-command"])

    assert result.exit_code == 2
    assert "No such command" in result.output


def test_fit_prints_figures_for_people_and_programs(tmp_path: Path) -> None:
    """A table on stdout, or JSON alone; progress goes to stderr."""
    model = make_tiny_model(tmp_path / "model")
    log = write_tiny_log(tmp_path / "log.csv")
    arguments = [str(log), "--base-model", str(model), "--epochs", "1", "--threads", "1"]
    people = CliRunner().invoke(fit, [*arguments, "--out", str(tmp_path / "a")])
    program = CliRunner().invoke(fit, [*arguments, "--out", str(tmp_path / "b"), "--json"])

    assert people.exit_code == 0, people.output
    assert "AUC of TF-IDF + overlap" in people.stdout
    assert f"checkpoint: {tmp_path / 'a'}" in people.stdout
    assert "validation log loss" in people.stderr
    content = json.loads(program.stdout)
    assert content["test"]["rows"] + content["validation"]["rows"] > 10


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--epochs", "many"], "epochs"),
        (["--base-model", "no/such/folder"], "is no folder"),
        (["--freeze", "everything"], "freeze"),
        (["--config", "no/such/file.toml"], "cannot be read"),
        (["--group", "no_such_column"], "no column 'no_such_column'"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_exit_code_one(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    """No traceback, no partial output."""
    log = write_tiny_log(tmp_path / "log.csv")
    model = ["--base-model", str(make_tiny_model(tmp_path / "model"))]
    options = [*([] if "--base-model" in arguments else model), *arguments]
    result = CliRunner().invoke(fit, [str(log), "--out", str(tmp_path / "out"), *options])

    assert result.exit_code == 1, result.output
    assert result.stderr.splitlines()[-1].startswith("Error: ") or sentence in result.stderr
    assert sentence in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("spoil", ["absent", "empty", "broken model", "no tokenizer"])
def test_bad_input_is_told_in_a_sentence(tmp_path: Path, spoil: str) -> None:
    """A log that is absent or empty, and a base model that is none."""
    log = write_tiny_log(tmp_path / "log.csv")
    model = make_tiny_model(tmp_path / "model")
    if spoil == "absent":
        log.unlink()
    if spoil == "empty":
        log.write_text("")
    if spoil == "broken model":
        (model / "model.safetensors").write_bytes(b"no weights")
    if spoil == "no tokenizer":
        (model / "tokenizer.json").unlink()
        (model / "tokenizer_config.json").unlink()
    arguments = [str(log), "--out", str(tmp_path / "out"), "--base-model", str(model)]
    result = CliRunner().invoke(fit, [*arguments, "--threads", "1"])

    assert result.exit_code == 1
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
