"""Claims about finding a checkpoint's training rows in the log again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_train.checkpoint import load_checkpoint, read_heldout
from ctr_train.errors import CheckpointError, LogError, TrainError
from ctr_train.log import read_log
from ctr_train.split import split_by_group
from ctr_train.training_rows import read_training_rows
from tests.support.tiny_checkpoint import make_tiny_checkpoint
from tests.support.tiny_log import write_rows, write_tiny_log
from tests.support.trim_world import fit_trim_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_train.checkpoint import Checkpoint


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkpoint, Path]:
    """A fitted checkpoint and its log."""
    checkpoint, log = fit_trim_checkpoint(tmp_path_factory.mktemp("fit"))
    return load_checkpoint(checkpoint), log


def test_the_rows_are_those_that_are_not_held_out(fitted: tuple[Checkpoint, Path]) -> None:
    """As many as the split has, none of them of a held-out query."""
    checkpoint, path = fitted
    found = read_training_rows(checkpoint, path)
    assert found.same_log
    assert len(found.segments) == len(split_by_group(read_log(path).group, seed=0).train)
    held = {texts[0] for part in ("validation", "test") for texts in _segments(checkpoint, part)}
    assert held
    assert not held & {texts[0] for texts in found.segments}


def test_a_log_that_does_not_fit_is_refused(
    fitted: tuple[Checkpoint, Path], tmp_path: Path
) -> None:
    """Absent, without the group column, or with a feature of another type: a sentence each."""
    checkpoint, _ = fitted
    with pytest.raises(LogError, match="does not exist"):
        read_training_rows(checkpoint, tmp_path / "none.csv")
    texts = [(f"q {n}", "t", f"cheap {n}", n % 2) for n in range(60)]
    header = ("query", "item_title", "item_price", "label")
    with pytest.raises(TrainError, match=r"item\.price must be of type number"):
        read_training_rows(checkpoint, write_rows(tmp_path / "log.csv", header, texts))


def test_a_checkpoint_that_tells_no_split_is_refused(tmp_path: Path) -> None:
    """It says which field is missing and what to do."""
    checkpoint = load_checkpoint(make_tiny_checkpoint(tmp_path / "tiny"))
    log = write_tiny_log(tmp_path / "log.csv")
    with pytest.raises(CheckpointError, match=r"how the log was split \(config\); fit the model"):
        read_training_rows(checkpoint, log)


def _segments(checkpoint: Checkpoint, part: str) -> list[tuple[str, ...]]:
    return read_heldout(checkpoint, "test" if part == "test" else "validation").segments
