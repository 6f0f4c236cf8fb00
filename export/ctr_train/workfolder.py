"""The work folder beside the output: what a killed fit leaves, and what a resumed one takes up."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.bundle.files import write_text_aside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FINGERPRINT_FILE = "fingerprint.json"
STATE_FILE = "trainer_state.json"
"""Trainer writes it last into each of its checkpoints, so one that parses marks a whole one."""


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """A fit's own folder.

    Attributes:
        resume_from: the last whole trainer checkpoint of the same fit, or None.
    """

    folder: Path
    resume_from: Path | None

    @property
    def tokenizer(self) -> Path:
        """Where the tokenizer is prepared."""
        return self.folder / "tokenizer"

    @property
    def trainer(self) -> Path:
        """Where the trainer keeps its states."""
        return self.folder / "trainer"

    @property
    def shelf(self) -> Path:
        """Where the best states lie that may be averaged."""
        return self.folder / "shelf"

    def remove(self) -> None:
        """Delete everything; the checkpoint is written."""
        shutil.rmtree(self.folder)


def open_work_folder(out: Path, fingerprint: Mapping[str, object], *, resume: bool) -> WorkFolder:
    """Return the work folder of `out`: the old one when it is of this very fit, else an empty one.

    Args:
        out: the checkpoint to be written.
        fingerprint: whatever decides the outcome: exact config, digests of log and base model.
        resume: take up the last whole state, if there is one.
    """
    absolute = out.absolute()
    folder = absolute.with_name(f".{absolute.name}.work")
    text = json.dumps(fingerprint, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if resume and _fingerprint(folder) == digest:
        work = WorkFolder(folder, _last_whole_state(folder / "trainer"))
        if work.resume_from is not None:
            return work
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    write_text_aside(folder / FINGERPRINT_FILE, json.dumps({"sha256": digest}))
    return WorkFolder(folder, None)


def _fingerprint(folder: Path) -> str | None:
    try:
        content = json.loads((folder / FINGERPRINT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(content.get("sha256"))


def _last_whole_state(trainer: Path) -> Path | None:
    """Return the newest whole state; delete half-written ones, which a rotation would count."""
    whole: list[Path] = []
    for state in sorted(trainer.glob("checkpoint-*")):
        try:
            json.loads((state / STATE_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(state)
        else:
            whole.append(state)
    return max(whole, key=step_of, default=None)


def step_of(state: Path) -> int:
    """Return the step of a trainer's checkpoint, from its name."""
    return int(state.name.rpartition("-")[2])
