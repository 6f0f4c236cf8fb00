"""Claims about commands that are imported when they are asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from ctr_service.lazy_group import LazyGroup

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "lazy_group_commands"
LINES = {"salute": "Say hello.", "say-twice": "Say it again.", "absent": "Has no module."}
COMMAND = "import click\n\n@click.command()\ndef {0}() -> None:\n    click.echo('{0} ran')\n"


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LazyGroup:
    """A group of three commands, of which two have a module."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").touch()
    names = ("salute", "say_twice")
    for name in names:
        (folder / f"{name}.py").write_text(COMMAND.format(name))
    monkeypatch.syspath_prepend(tmp_path)
    for module in (PACKAGE, *(f"{PACKAGE}.{name}" for name in names)):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return LazyGroup(name="polite", package=PACKAGE, lines=LINES)


def test_the_help_lists_in_the_given_order_and_imports_nothing(group: LazyGroup) -> None:
    """The list of commands needs no module of theirs, not even one that exists."""
    result = CliRunner().invoke(group, ["--help"])

    assert result.exit_code == 0, result.output
    assert result.output.index("Say hello.") < result.output.index("Has no module.")
    assert PACKAGE not in sys.modules


@pytest.mark.parametrize(("command", "name"), [("salute", "salute"), ("say-twice", "say_twice")])
def test_a_command_is_imported_when_it_is_called(group: LazyGroup, command: str, name: str) -> None:
    """The module's attribute of the command's name is what runs; a dash is an underscore."""
    result = CliRunner().invoke(group, [command])

    assert result.output == f"{name} ran\n"
    assert f"{PACKAGE}.{name}" in sys.modules


def test_a_name_outside_the_list_is_a_usage_error(group: LazyGroup) -> None:
    """Only listed names are imported, so a typing error never reaches the import system."""
    result = CliRunner().invoke(group, ["os"])

    assert result.exit_code == click.UsageError.exit_code
    assert "No such command" in result.output
