"""Claims about where a bundle may be written and what it may be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_export.errors import ExportError
from ctr_export.target import check_label, check_target
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    """A folder with the user's own files is refused, and nothing in it is touched."""
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(ExportError, match="holds files and is no bundle"):
        check_target(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "dear"


def test_a_file_is_refused(tmp_path: Path) -> None:
    """A file in the place of the bundle is refused."""
    (tmp_path / "bundle").write_text("")
    with pytest.raises(ExportError, match="exists and is no folder"):
        check_target(tmp_path / "bundle")


def test_new_empty_and_older_bundles_are_accepted(tmp_path: Path) -> None:
    """Nothing, an empty folder and an older bundle may be replaced."""
    check_target(tmp_path / "new")
    check_target(tmp_path)
    check_target(make_tiny_bundle(tmp_path / "older"))


@pytest.mark.parametrize("value", ["", "a b", "-x", "x" * 129, "x/y", "naïve"])
def test_a_label_that_the_manifest_would_refuse_is_refused_first(value: str) -> None:
    """Before any work is done, and without repeating what was typed."""
    with pytest.raises(ExportError, match="--version must hold 1 to 128 letters"):
        check_label("model_version", value)


def test_a_good_label_is_accepted() -> None:
    """Letters, digits, dots, dashes and underscores are fine."""
    check_label("model_name", "demo-2_0.1")
