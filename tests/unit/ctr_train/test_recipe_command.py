"""`ctr-train recipe obp`, as a user runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from ctr_train.commands import recipe as recipe_module
from ctr_train.commands.recipe import recipe
from ctr_train.recipes.obp import Converted

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_it_writes_the_log_and_says_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is written whole and its counts are printed."""
    monkeypatch.setattr(recipe_module, "convert_obp", lambda _: Converted("a,b\n", 3, 1, 2))
    out = tmp_path / "deep" / "log.csv"
    result = CliRunner().invoke(recipe, ["obp", "any.whl", "--out", str(out)])
    assert result.exit_code == 0
    assert out.read_text() == "a,b\n"
    assert "3 impressions, 1 clicks, 2 groups" in result.stdout


def test_a_wrong_source_is_a_sentence(tmp_path: Path) -> None:
    """No traceback, exit code 1, and nothing is written."""
    out = tmp_path / "log.csv"
    result = CliRunner().invoke(recipe, ["obp", str(tmp_path / "no.whl"), "--out", str(out)])
    assert result.exit_code == 1
    assert "pip download" in result.stderr
    assert not out.exists()


def test_help_teaches() -> None:
    """The help says how to get the wheel and how much it holds."""
    text = CliRunner().invoke(recipe, ["obp", "--help"]).stdout
    for word in ("pip download --no-deps obp==0.4.1", "130 clicks", "--out"):
        assert word in text
