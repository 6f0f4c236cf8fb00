"""Claims of `ctr_service.bundle.files`: an artefact is there whole, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ctr_service.bundle.files import (
    PARTIAL_SUFFIX,
    READ_BYTES,
    sha256_of,
    staged_directory,
    write_text_aside,
)

if TYPE_CHECKING:
    from typing import NoReturn


def entries(folder: Path) -> list[str]:
    """Return what lies in a folder, hidden or not."""
    return sorted(path.name for path in folder.iterdir())


def fill(final: Path, text: str) -> None:
    """Write one file into a staged folder."""
    with staged_directory(final) as staged:
        (staged / "file").write_text(text)


def fail_while_staging(final: Path) -> NoReturn:
    """Write one file into a staged folder, then fail."""
    with staged_directory(final) as staged:
        (staged / "file").write_text("half")
        raise KeyboardInterrupt


def test_a_folder_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    """Until the block ends nothing has the final name; then everything has, and nothing else."""
    final = tmp_path / "deep" / "artefact"
    with staged_directory(final) as staged:
        (staged / "file").write_text("x")
        assert not final.exists()
    assert (final / "file").read_text() == "x"
    assert entries(final.parent) == ["artefact"]


def test_a_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    """Whatever ends the block early, what stood there before stands, and no part is left."""
    final = tmp_path / "artefact"
    fill(final, "old")
    with pytest.raises(KeyboardInterrupt):
        fail_while_staging(final)
    assert (final / "file").read_text() == "old"
    assert entries(tmp_path) == ["artefact"]


def test_a_new_folder_replaces_the_old_one(tmp_path: Path) -> None:
    """Nothing of the old one is left in it."""
    final = tmp_path / "artefact"
    fill(final, "old")
    (final / "more").write_text("old")
    fill(final, "new")
    assert entries(final) == ["file"]
    assert (final / "file").read_text() == "new"
    assert entries(tmp_path) == ["artefact"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """A partial folder of an earlier run does not leak into the next artefact."""
    left = tmp_path / f".artefact{PARTIAL_SUFFIX}"
    left.mkdir()
    (left / "stale").write_text("x")
    fill(tmp_path / "artefact", "new")
    assert entries(tmp_path / "artefact") == ["file"]
    assert entries(tmp_path) == ["artefact"]


def test_a_file_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    """A final path that is a file is refused, and stays."""
    (tmp_path / "artefact").write_text("mine")
    with pytest.raises(FileExistsError, match="is no folder"):
        fill(tmp_path / "artefact", "new")
    assert (tmp_path / "artefact").read_text() == "mine"


def test_a_text_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last step fails, the old text is still there."""
    final = tmp_path / "deep" / "text"
    write_text_aside(final, "é")
    assert final.read_bytes() == "é".encode()

    def refuse(_: Path, target: Path) -> NoReturn:
        raise OSError(f"no {target.name}")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no text"):
        write_text_aside(final, "new")
    assert final.read_text(encoding="utf-8") == "é"


@pytest.mark.parametrize("size", [0, 1, READ_BYTES, READ_BYTES + 1])
def test_the_digest_is_sha256_of_the_whole_file(tmp_path: Path, size: int) -> None:
    """Also where a file ends at or after a block."""
    raw = bytes(i % 251 for i in range(size))
    (tmp_path / "file").write_bytes(raw)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(raw).hexdigest()
