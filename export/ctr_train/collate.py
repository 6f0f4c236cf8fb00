"""Rows of token ids -> the tensors that a Hugging Face model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ctr_service.bundle.tokens import pad_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.types import Row


class RowCollator:
    """Pads rows to their longest and builds mask and token types, as the exported graph does."""

    def __init__(self, *, pad_id: int, token_types: bool, multiple: int = 8) -> None:
        """Make a collator.

        Args:
            pad_id: the tokenizer's padding id.
            token_types: whether the model tells the first segment from the rest.
            multiple: lengths are rounded up to a multiple of this, which keeps matrix kernels
                on their fast path; padding is masked, so it changes no score.
        """
        self._pad_id = pad_id
        self._token_types = token_types
        self._multiple = multiple

    def inputs(self, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
        """Return `input_ids`, `attention_mask` and, if used, `token_type_ids`.

        All int64 [rows, length]; the first segment up to its separator has token type 0, the rest
        and the padding have 1 and 0.
        """
        longest = max(row.length for row in rows)
        batch = pad_rows(rows, -(-longest // self._multiple) * self._multiple, self._pad_id)
        at = np.arange(batch.ids.shape[1])[None, :]
        real = at < batch.lengths[:, None]
        tensors = {
            "input_ids": torch.from_numpy(batch.ids.astype(np.int64)),
            "attention_mask": torch.from_numpy(real.astype(np.int64)),
        }
        if self._token_types:
            second = real & (at >= batch.first_lengths[:, None])
            tensors["token_type_ids"] = torch.from_numpy(second.astype(np.int64))
        return tensors
