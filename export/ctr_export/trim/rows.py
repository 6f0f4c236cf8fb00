"""Held-out rows under both tokenizers: which ones read the same pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctr_service.bundle.template import Segments
    from ctr_service.types import Row
    from ctr_train.checkpoint import Checkpoint

CACHE_BYTES = 256 << 20
DROPPED = -1


def build_rows(checkpoint: Checkpoint, segments: Sequence[Segments]) -> list[Row]:
    """Tokenise rows as the checkpoint's tokenizer and template say."""
    tokenizer = load_tokenizer(checkpoint.tokenizer_path)
    builder = RowBuilder(tokenizer, checkpoint.info.template, TokenCache(CACHE_BYTES))
    return builder.build(segments).rows


def same_pieces(
    before: Sequence[Row], after: Sequence[Row], new_ids: Mapping[int, int]
) -> NDArray[np.bool_]:
    """Say of each row whether its tokens are the same pieces in the same places, bool [rows].

    Args:
        before: rows with old ids.
        after: the same rows by the trimmed tokenizer.
        new_ids: old id -> new id.
    """
    highest = max((int(_ids(row).max()) for row in before), default=0)
    renumbered = np.full(max(highest, *new_ids) + 1, DROPPED, dtype=np.int32)
    renumbered[list(new_ids)] = list(new_ids.values())
    return np.array(
        [
            np.array_equal(renumbered[_ids(old)], _ids(new))
            for old, new in zip(before, after, strict=True)
        ],
        dtype=np.bool_,
    )


def _ids(row: Row) -> NDArray[np.int32]:
    return np.frombuffer(row.packed, dtype=np.int32)
