"""Artefacts on disk: written aside and renamed, so that a half-written one is never picked up."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTIAL_SUFFIX = ".partial"
READ_BYTES = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def staged_directory(final: Path) -> Iterator[Path]:
    """Yield an empty folder beside `final`; on success it takes `final`'s place, else it goes.

    A killed process leaves only `.NAME.partial`, which no command reads and the next run removes.

    Raises:
        FileExistsError: `final` exists and is no folder.
    """
    final = final.absolute()
    if final.exists() and not final.is_dir():
        raise FileExistsError(f"{final} exists and is no folder")
    final.parent.mkdir(parents=True, exist_ok=True)
    staged = final.with_name(f".{final.name}{PARTIAL_SUFFIX}")
    _remove(staged)
    staged.mkdir()
    try:
        yield staged
        _sync_tree(staged)
        _take_place(staged, final)
    except BaseException:
        _remove(staged)
        raise


def write_text_aside(final: Path, text: str) -> None:
    """Write a text file whole or not at all: aside, synced, renamed."""
    final.parent.mkdir(parents=True, exist_ok=True)
    staged = final.with_name(f".{final.name}{PARTIAL_SUFFIX}")
    with staged.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(final)


def _take_place(staged: Path, final: Path) -> None:
    old = final.with_name(f".{final.name}.old")
    _remove(old)
    if final.exists():
        final.rename(old)
    staged.rename(final)
    _remove(old)


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
