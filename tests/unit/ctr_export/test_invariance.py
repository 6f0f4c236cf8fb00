"""Claims about rows in other batches."""

from __future__ import annotations

import numpy as np
import pytest

from ctr_export.invariance import MATES, compositions, moved
from ctr_service.backend.base import INPUT_IDS, LENGTHS
from ctr_service.bundle.calibration import PlattCalibration, sigmoid
from tests.support.scripted_graph import make_sample

SAMPLE = make_sample(np.zeros(1_500))
MADE = compositions(SAMPLE.rows, longest_tokens=32, pad_id=0, seed=0)


def test_alone_means_one_row_without_padding() -> None:
    """Each row stands alone at its own length."""
    for chunk in MADE["alone"]:
        assert chunk.tensors[INPUT_IDS].shape == (1, chunk.tensors[LENGTHS][0])


def test_padded_means_the_longest_bucket() -> None:
    """Every batch is padded to the longest length that is ever served."""
    assert {chunk.tensors[INPUT_IDS].shape[1] for chunk in MADE["padded"]} == {32}


def test_shuffled_batches_mix_lengths() -> None:
    """Random mates of many lengths share a batch."""
    mixed = [len(set(chunk.tensors[LENGTHS].tolist())) for chunk in MADE["shuffled"]]
    assert len(MADE["shuffled"]) == 384 // MATES
    assert min(mixed) > 4


def test_batches_hold_the_rows_that_they_name() -> None:
    """The ids of each place are those of the row with that index."""
    for chunks in MADE.values():
        for chunk in chunks:
            held = np.asarray(chunk.tensors[INPUT_IDS])[:, 1]
            assert held.tolist() == chunk.indices.tolist()


def test_moved_takes_each_rows_worst_batch() -> None:
    """The maximum is over rows and batches; rows that a composition left out do not count."""
    home = np.zeros(200)
    one, other = np.full(200, np.nan), np.full(200, np.nan)
    one[:100], other[50:150] = 0.0, 0.0
    one[60], other[60] = 1.0, 0.4
    shifted = moved(home, {"one": one, "other": other}, PlattCalibration())
    assert shifted.max == pytest.approx(float(sigmoid(np.array([1.0]))[0]) - 0.5)
    assert 0 <= shifted.p99 < shifted.max


def test_nothing_to_compare_moves_nothing() -> None:
    """Without any other batch there is no movement."""
    assert moved(np.zeros(3), {}, PlattCalibration()).max == 0
