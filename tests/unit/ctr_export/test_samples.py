"""Claims about the held-out rows that are judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_export.errors import ExportError
from ctr_export.reference import reference_logits
from ctr_export.samples import read_sample, spread_by_length
from ctr_train.checkpoint import HELDOUT_FILE, Checkpoint, load_checkpoint, read_heldout
from ctr_train.heldout import write_heldout_file
from ctr_train.model import load_classifier
from tests.support.tiny_checkpoint import EXAMINATION, make_tiny_checkpoint

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A tiny checkpoint: 100 rows a split, ten a list."""
    return load_checkpoint(make_tiny_checkpoint(tmp_path_factory.mktemp("made") / "tiny"))


def test_whole_lists_are_sampled(checkpoint: Checkpoint) -> None:
    """A sample that cannot hold every row holds whole lists, the same every time."""
    sample = read_sample(checkpoint, "test", most=45, seed=0)
    _, counts = np.unique(sample.group, return_counts=True)
    assert counts.tolist() == [10] * 4
    again = read_sample(checkpoint, "test", most=45, seed=0)
    assert again.group.tolist() == sample.group.tolist()


def test_rows_are_those_of_the_trainer(checkpoint: Checkpoint) -> None:
    """PyTorch gives the rebuilt rows the very logits that the trainer wrote down."""
    sample = read_sample(checkpoint, "test", most=1_000, seed=0)
    model = load_classifier(checkpoint.folder)
    logits = reference_logits(model, sample, pad_id=checkpoint.info.template.pad_id)
    np.testing.assert_allclose(logits, sample.stored_logit, atol=1e-4)


def test_logits_that_were_rounded_are_scored_again(checkpoint: Checkpoint) -> None:
    """Where the trainer scored in bfloat16 the reference is float32 all the same."""
    sample = read_sample(checkpoint, "test", most=1_000, seed=0)
    coarse = replace(sample, stored_logit=np.round(sample.stored_logit, 2))
    model = load_classifier(checkpoint.folder)
    logits = reference_logits(model, coarse, pad_id=checkpoint.info.template.pad_id)
    np.testing.assert_allclose(logits, sample.stored_logit, atol=1e-4)


def test_logits_that_agree_are_taken_as_they_are(checkpoint: Checkpoint) -> None:
    """What the trainer wrote in float32 is the reference, to the bit."""
    sample = read_sample(checkpoint, "test", most=1_000, seed=0)
    model = load_classifier(checkpoint.folder)
    logits = reference_logits(model, sample, pad_id=checkpoint.info.template.pad_id)
    assert logits is sample.stored_logit


def test_other_texts_than_the_trainers_are_refused(checkpoint: Checkpoint) -> None:
    """Rows that do not give the stored logits show that code or texts changed since the fit."""
    sample = read_sample(checkpoint, "test", most=1_000, seed=0)
    spoilt = replace(sample, rows=sample.rows[::-1])
    model = load_classifier(checkpoint.folder)
    with pytest.raises(ExportError, match="fitted with other code"):
        reference_logits(model, spoilt, pad_id=checkpoint.info.template.pad_id)


def test_examination_follows_the_position(checkpoint: Checkpoint) -> None:
    """Each row is examined as its position says; beyond the last position the last share holds."""
    sample = read_sample(checkpoint, "test", most=1_000, seed=0)
    held = read_heldout(checkpoint, "test")
    assert held.position is not None
    expected = [EXAMINATION[min(at, len(EXAMINATION)) - 1] for at in held.position]
    assert sample.examined.tolist() == expected


def test_a_checkpoint_without_positions_examines_everything(checkpoint: Checkpoint) -> None:
    """Where the checkpoint knows no examination every row counts as examined."""
    info = checkpoint.info.model_copy(update={"examination": None})
    sample = read_sample(Checkpoint(checkpoint.folder, info), "test", most=1_000, seed=0)
    assert set(sample.examined) == {1.0}


def test_an_empty_split_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Without held-out rows nothing can be judged, and the error says what to do."""
    only = read_heldout(checkpoint, "validation")
    write_heldout_file(tmp_path / HELDOUT_FILE, [("validation", only)])
    bare = Checkpoint(tmp_path, checkpoint.info)
    with pytest.raises(ExportError, match="holds no test rows"):
        read_sample(bare, "test", most=10, seed=0)


def test_stored_logits_that_are_no_numbers_are_refused(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """A model that diverged is not exported."""
    held = read_heldout(checkpoint, "test")
    diverged = replace(held, logit=np.where(np.arange(len(held)) == 3, np.nan, held.logit))
    write_heldout_file(tmp_path / HELDOUT_FILE, [("test", diverged)])
    with pytest.raises(ExportError, match="not finite"):
        read_sample(Checkpoint(tmp_path, checkpoint.info), "test", most=10, seed=0)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=60), st.integers(1, 60))
def test_a_spread_keeps_the_mix_of_lengths(lengths: list[int], count: int) -> None:
    """Rows are distinct, as many as asked for if there are, with the shortest and the longest."""
    array = np.array(lengths)
    chosen = spread_by_length(array, count)
    assert len(set(chosen.tolist())) == len(chosen) == min(count, len(lengths))
    assert array[chosen].min() == array.min()
    if count > 1:
        assert array[chosen].max() == array.max()
