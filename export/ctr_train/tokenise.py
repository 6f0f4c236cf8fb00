"""Token budgets from the log, and how well the tokenizer knows its texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.template import (
    SPECIAL_TOKENS_A_ROW,
    InputTemplate,
    Segment,
    SegmentName,
)
from ctr_train.errors import TrainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from ctr_service.bundle.features import FeatureSchema
    from ctr_service.bundle.template import Segments
    from ctr_train.tokenizer_files import SpecialIds

PERCENTILE = 99.5
MIN_TOKENS = 8
MAX_TOKENS = {SegmentName.QUERY: 64, SegmentName.TITLE: 128}
MAX_FEATURE_TOKENS = 96
SEPARATOR = "|"
"""Stands between title and features."""

UNKNOWN_WARNING_SHARE = 0.05
TRUNCATED_WARNING_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Token counts of rendered rows.

    Attributes:
        tokens: int64 [rows, segments].
        unknown: int64 [rows, segments], tokens that are the unknown token.
    """

    tokens: NDArray[np.int64]
    unknown: NDArray[np.int64]

    @property
    def unknown_share(self) -> float:
        """Share of all tokens that are unknown to the tokenizer; 0 for no tokens."""
        return float(self.unknown.sum() / max(1, self.tokens.sum()))

    def truncated_share(self, template: InputTemplate) -> float:
        """Share of the texts that are not empty and exceed their segment's budget."""
        budgets = np.array([segment.max_tokens for segment in template.segments])
        return float((self.tokens > budgets).sum() / max(1, (self.tokens > 0).sum()))


def count_tokens(
    rows: Sequence[Segments], tokenizer: Tokenizer, unknown_id: int | None
) -> TokenCounts:
    """Tokenise each distinct text once and count, row by row."""
    texts = list(dict.fromkeys(text for row in rows for text in row))
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    counts = {
        text: (len(ids := encoding.ids), 0 if unknown_id is None else ids.count(unknown_id))
        for text, encoding in zip(texts, encodings, strict=True)
    }
    table = np.array([[counts[text] for text in row] for row in rows], dtype=np.int64)
    return TokenCounts(table[:, :, 0], table[:, :, 1])


def segment_names(schema: FeatureSchema) -> tuple[SegmentName, ...]:
    """Return the segments of a row: query, title and each entity that has features."""
    entities = {spec.entity.value for spec in schema.features}
    features = (SegmentName.ITEM, SegmentName.USER, SegmentName.CONTEXT)
    kept = (name for name in features if name.value in entities)
    return (SegmentName.QUERY, SegmentName.TITLE, *kept)


def wide_template(names: Sequence[SegmentName], special: SpecialIds) -> InputTemplate:
    """Return a template without useful budgets, to render with before they are known."""
    segments = tuple(Segment(name=name, max_tokens=MIN_TOKENS) for name in names)
    return InputTemplate(
        segments=segments, cls_id=special.cls, sep_id=special.sep, pad_id=special.pad
    )


def fit_template(
    names: Sequence[SegmentName],
    counts: TokenCounts,
    *,
    tokenizer: Tokenizer,
    special: SpecialIds,
    max_positions: int,
) -> InputTemplate:
    """Set each segment's budget to what all but 0.5 % of the training rows need.

    Budgets lie between 8 and 64 (query), 128 (title) or 96 tokens (features), and shrink in
    proportion where the model has too few positions for them together.

    Raises:
        TrainError: the model has not even positions for 8 tokens a segment.
    """
    separator = _separator_ids(tokenizer, special)
    needs = np.ceil(np.percentile(counts.tokens, PERCENTILE, axis=0)).astype(int)
    caps = [MAX_TOKENS.get(name, MAX_FEATURE_TOKENS) for name in names]
    budgets = np.clip(needs, MIN_TOKENS, caps)
    room = max_positions - SPECIAL_TOKENS_A_ROW - (len(names) - 2) * len(separator)
    if room < MIN_TOKENS * len(names):
        raise TrainError(
            f"the base model reads {max_positions} tokens a row; "
            f"{len(names)} segments need at least {MIN_TOKENS} each"
        )
    if budgets.sum() > room:
        spare = (budgets - MIN_TOKENS) * (room - MIN_TOKENS * len(names))
        budgets = MIN_TOKENS + spare // max(1, int((budgets - MIN_TOKENS).sum()))
    return InputTemplate(
        segments=tuple(
            Segment(name=name, max_tokens=int(most))
            for name, most in zip(names, budgets, strict=True)
        ),
        cls_id=special.cls,
        sep_id=special.sep,
        pad_id=special.pad,
        separator_ids=separator,
    )


def _separator_ids(tokenizer: Tokenizer, special: SpecialIds) -> tuple[int, ...]:
    ids = tuple(tokenizer.encode(SEPARATOR, add_special_tokens=False).ids)
    return () if special.unknown in ids else ids
