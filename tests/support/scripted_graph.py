"""Held-out rows that carry their number as a token, and graphs that answer as a function says."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ctr_export.judge import Evidence
from ctr_export.samples import Sample
from ctr_service.backend.base import INPUT_IDS
from ctr_service.bundle.calibration import sigmoid
from ctr_service.bundle.manifest import Layout
from ctr_service.types import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ctr_export.chunks import Chunk

    Floats: TypeAlias = NDArray[np.float64]
    Answer: TypeAlias = Callable[[NDArray[np.int64], Chunk], Floats]

TEST_ROWS, VALIDATION_ROWS = 600, 1_200
LIST_ROWS = 10
LAYOUT = Layout(buckets_tokens=(8, 16, 24), max_batch_tokens=128, sessions=1, threads_a_session=1)
GRAPH = Path("scripted.onnx")
"""No file: `open_scripted` never reads it."""


class ScriptedScorer:
    """Stands for a pool. Counts what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked_rows = 0

    def score(self, chunks: Sequence[Chunk], rows: int) -> Floats:
        """Return `answer(numbers of the chunk's rows, chunk)` for each row held by a chunk."""
        logits = np.full(rows, np.nan)
        for chunk in chunks:
            numbers = np.asarray(chunk.tensors[INPUT_IDS])[:, 1].astype(np.int64)
            logits[chunk.indices] = self._answer(numbers, chunk)
            self.asked_rows += len(numbers)
        return logits


@contextlib.contextmanager
def open_scripted(answer: Answer) -> Iterator[ScriptedScorer]:
    """Open a scripted graph."""
    yield ScriptedScorer(answer)


def true_logits(seed: int = 0) -> Floats:
    """Return the logit of every row by its number: test rows first, then validation rows."""
    rng = np.random.default_rng(seed)
    return rng.normal(-0.5, 1.3, TEST_ROWS + VALIDATION_ROWS)


def make_evidence(seed: int = 0) -> Evidence:
    """Return rows whose clicks are drawn from `true_logits`, so those are calibrated already."""
    logits = true_logits(seed)
    whole = make_sample(logits, seed)
    test, validation = _part(whole, slice(TEST_ROWS)), _part(whole, slice(TEST_ROWS, None))
    return Evidence(test, test.stored_logit, validation, pad_id=0)


def make_sample(logits: Floats, seed: int = 0) -> Sample:
    """Return a row for each logit, numbered from 0, in lists of ten, with drawn clicks."""
    rng = np.random.default_rng(seed + 1)
    count = len(logits)
    rows = [_row(number, int(length)) for number, length in enumerate(rng.integers(4, 25, count))]
    return Sample(
        rows=rows,
        target=(rng.random(count) < sigmoid(logits)).astype(np.float64),
        weight=np.ones(count),
        examined=np.ones(count),
        group=np.arange(count, dtype=np.int64) // LIST_ROWS,
        stored_logit=logits,
    )


def _row(number: int, length: int) -> Row:
    ids = np.full(length, 7, dtype=np.int32)
    ids[0], ids[1] = 101, number
    return Row.of(ids, 3)


def _part(sample: Sample, where: slice) -> Sample:
    return replace(
        sample,
        rows=sample.rows[where],
        target=sample.target[where],
        weight=sample.weight[where],
        examined=sample.examined[where],
        group=sample.group[where],
        stored_logit=sample.stored_logit[where],
    )
