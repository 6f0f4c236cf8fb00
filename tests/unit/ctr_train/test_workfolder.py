"""Claims about what a killed fit leaves behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ctr_train.workfolder import STATE_FILE, open_work_folder

if TYPE_CHECKING:
    from pathlib import Path

FINGERPRINT = {"seed": 1}


def test_the_newest_whole_state_is_taken_up_and_a_torn_one_removed(tmp_path: Path) -> None:
    """A state whose last file is cut off does not count, however new."""
    folder = open_work_folder(tmp_path / "out", FINGERPRINT, resume=True).folder
    _write_state(folder, 9, "{}")
    _write_state(folder, 12, json.dumps({"global_step": 12}))
    _write_state(folder, 15, '{"global_step": 1')

    work = open_work_folder(tmp_path / "out", FINGERPRINT, resume=True)

    assert work.resume_from == folder / "trainer" / "checkpoint-12"
    assert not (folder / "trainer" / "checkpoint-15").exists()


def test_another_fit_never_takes_up_the_state(tmp_path: Path) -> None:
    """Other options or another log begin anew, and the old states go."""
    folder = open_work_folder(tmp_path / "out", FINGERPRINT, resume=True).folder
    _write_state(folder, 9, "{}")

    work = open_work_folder(tmp_path / "out", {"seed": 2}, resume=True)

    assert work.resume_from is None
    assert not (folder / "trainer").exists()


def test_without_resume_an_old_state_goes(tmp_path: Path) -> None:
    """A fit that was not told to resume starts from an empty folder."""
    folder = open_work_folder(tmp_path / "out", FINGERPRINT, resume=False).folder
    _write_state(folder, 9, "{}")

    work = open_work_folder(tmp_path / "out", FINGERPRINT, resume=False)

    assert work.resume_from is None
    assert not (folder / "trainer").exists()


def test_removing_leaves_nothing(tmp_path: Path) -> None:
    """After a finished fit only the checkpoint remains."""
    open_work_folder(tmp_path / "out", FINGERPRINT, resume=False).remove()

    assert list(tmp_path.iterdir()) == []


def _write_state(folder: Path, step: int, state: str) -> None:
    path = folder / "trainer" / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / STATE_FILE).write_text(state)
