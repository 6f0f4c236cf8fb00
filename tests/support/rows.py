"""Rows for tests of the batcher and the backends, and the tiny graph with two bad tokens in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import numpy_helper

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS
from ctr_service.bundle.tokens import pad_rows
from ctr_service.types import Row
from tests.support.tiny_bundle import make_tiny_graph

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

VOCABULARY_SIZE = 200
PAD_ID = 0
FAILING_ID = 7
"""A row with this token gets no finite logit: it fails alone."""
POISON_ID = VOCABULARY_SIZE + 5
"""Beyond the vocabulary: a batch with this token fails whole."""
FIRST_GOOD_ID = 10


def make_bad_token_graph(path: Path) -> Path:
    """Write the tiny joint graph with NaN as the value of FAILING_ID; return `path`."""
    make_tiny_graph(path, VOCABULARY_SIZE)
    model = onnx.load(str(path))
    (values,) = (tensor for tensor in model.graph.initializer if tensor.name == "values")
    numbers = numpy_helper.to_array(values).copy()
    numbers[FAILING_ID] = np.nan
    values.CopyFrom(numpy_helper.from_array(numbers, "values"))
    onnx.save(model, str(path))
    return path


def make_row(rng: np.random.Generator, length: int, *, holds: int | None = None) -> Row:
    """Return a random row of `length` tokens; with `holds`, that token is its last."""
    ids = rng.integers(FIRST_GOOD_ID, VOCABULARY_SIZE, length, dtype=np.int32)
    if holds is not None:
        ids[-1] = holds
    return Row.of(ids, int(rng.integers(1, length + 1)))


def padded(rows: Sequence[Row], bucket: int) -> dict[str, NDArray[np.generic]]:
    """Return rows as the joint graph's inputs, padded to `bucket` tokens."""
    batch = pad_rows(rows, bucket, PAD_ID)
    return {INPUT_IDS: batch.ids, LENGTHS: batch.lengths, FIRST_LENGTHS: batch.first_lengths}
