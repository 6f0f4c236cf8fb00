"""A batch as the queue forms it: which rows of which lists run together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from ctr_service.batcher.lane import L


@dataclass(frozen=True, slots=True, eq=False)
class FormedBatch(Generic[L]):
    """Rows to run together.

    Attributes:
        bucket_tokens: the length to pad to.
        queued_tokens: the rows' own buckets in sum; at most `padded_tokens`.
        parts: each list with the places of its rows, in the order of the batch's rows.
    """

    bucket_tokens: int
    queued_tokens: int
    parts: tuple[tuple[L, list[int]], ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(len(places) for _, places in self.parts)

    @property
    def padded_tokens(self) -> int:
        """Tokens that are sent, padding included."""
        return self.rows * self.bucket_tokens
