"""The held-out rows that candidates are judged, calibrated and timed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_export.errors import ExportError
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer
from ctr_train.checkpoint import read_heldout
from ctr_train.held_rows import limit_rows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.bundle.template import InputTemplate
    from ctr_service.types import Row
    from ctr_train.checkpoint import Checkpoint, HeldOut, SplitName

CACHE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of one held-out split, whole lists of them.

    Attributes:
        rows: tokenised, unpadded.
        target: float64 [rows], click rate in [0, 1].
        weight: float64 [rows], impressions behind the row.
        examined: float64 [rows], P(examined) at the position where the row was shown; 1 where the
            checkpoint or the row knows of none.
        group: int64 [rows], a code a list.
        stored_logit: float64 [rows], what the trainer wrote down.
    """

    rows: list[Row]
    target: NDArray[np.float64]
    weight: NDArray[np.float64]
    examined: NDArray[np.float64]
    group: NDArray[np.int64]
    stored_logit: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Unpadded tokens of each row, int64 [rows]."""
        return np.array([row.length for row in self.rows], dtype=np.int64)


def read_sample(
    checkpoint: Checkpoint,
    split: SplitName,
    *,
    most: int,
    seed: int,
    builder: RowBuilder | None = None,
) -> Sample:
    """Read at most `most` rows of a split, whole lists as long as they fit.

    Args:
        checkpoint: holds them, as texts.
        split: which of its held-out splits.
        most: rows.
        seed: of the choice.
        builder: makes rows of texts; None takes the checkpoint's own tokenizer and template.

    Raises:
        CheckpointError: the held-out rows cannot be read.
        ExportError: the split holds no rows, or rows that the template cannot build.
    """
    held = read_heldout(checkpoint, split)
    if not len(held):
        raise ExportError(
            f"the checkpoint holds no {split} rows, so no graph can be judged; fit it again with "
            "a larger share of held-out rows"
        )
    if not np.isfinite(held.logit).all():
        raise ExportError(
            f"the checkpoint's {split} rows hold logits that are not finite; fit it again"
        )
    keep = sampled_rows(held, most=most, seed=seed)
    info = checkpoint.info
    builder = builder or row_builder(checkpoint.tokenizer_path, info.template)
    return Sample(
        rows=builder.build([held.segments[index] for index in keep]).rows,
        target=held.target[keep],
        weight=held.weight[keep],
        examined=_examined(held, info.examination)[keep],
        group=held.group[keep],
        stored_logit=held.logit[keep],
    )


def row_builder(tokenizer: Path, template: InputTemplate) -> RowBuilder:
    """Return what makes rows of texts, with room for a whole split's."""
    return RowBuilder(load_tokenizer(tokenizer), template, TokenCache(CACHE_BYTES))


def sampled_rows(held: HeldOut, *, most: int, seed: int) -> NDArray[np.int64]:
    """Return which rows of a split `read_sample` takes, rising."""
    groups = [str(code) for code in held.group]
    return limit_rows(np.arange(len(held)), groups, most=most, seed=seed)


def spread_by_length(lengths: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return `count` row numbers, or all, evenly spread over the rows sorted by length."""
    order = np.argsort(lengths, kind="stable")
    if count >= len(order):
        return order
    return order[np.linspace(0, len(order) - 1, count).round().astype(np.int64)]


def _examined(held: HeldOut, examination: tuple[float, ...] | None) -> NDArray[np.float64]:
    if examination is None or held.position is None:
        return np.ones(len(held))
    shares = np.asarray(examination, dtype=np.float64)
    return shares[np.clip(held.position, 1, len(shares)) - 1]
