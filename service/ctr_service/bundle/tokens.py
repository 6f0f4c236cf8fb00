"""Segments -> token ids. The ids of a text are computed once and joined into every row it is in."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from ctr_service.errors import BundleError
from ctr_service.types import Batch, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ctr_service.bundle.template import InputTemplate, Segments
    from ctr_service.types import IntArray

ENTRY_OVERHEAD_BYTES = 200
"""What one cached text costs beside its characters and ids: two objects, a key, a link."""


def load_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`, with its own truncation and padding switched off.

    Raises:
        BundleError: the file is absent or no tokenizer.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the Rust library raises bare Exception
        raise BundleError(f"{path.name} cannot be read as a tokenizer: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    # A user who types "[SEP]" types five characters; only the template sets special tokens.
    tokenizer.encode_special_tokens = True
    return tokenizer


class TokenCache:
    """Token ids by text, least recently used out first, bounded by bytes.

    Not safe across threads: it belongs to one event loop.
    """

    def __init__(self, max_bytes: int) -> None:
        self._ids: OrderedDict[str, IntArray] = OrderedDict()
        self._max_bytes = max_bytes
        self.size_bytes = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._ids)

    def get(self, text: str) -> IntArray | None:
        """Return the ids of a text, int32 [tokens], or None."""
        ids = self._ids.get(text)
        if ids is None:
            self.misses += 1
            return None
        self._ids.move_to_end(text)
        self.hits += 1
        return ids

    def put(self, text: str, ids: IntArray) -> None:
        """Keep the ids of a text; drop the least recently used ones beyond the bound."""
        if text in self._ids:
            return
        self._ids[text] = ids
        self.size_bytes += self._cost_bytes(text, ids)
        while self.size_bytes > self._max_bytes and self._ids:
            old_text, old_ids = self._ids.popitem(last=False)
            self.size_bytes -= self._cost_bytes(old_text, old_ids)

    @staticmethod
    def _cost_bytes(text: str, ids: IntArray) -> int:
        return 4 * len(text) + ids.nbytes + ENTRY_OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class BuiltRows:
    """Rows in the order asked for, and how many distinct texts were cut to their budget."""

    rows: list[Row]
    truncated_texts: int


class RowBuilder:
    """Tokenises segments and joins them to rows as the template says."""

    def __init__(self, tokenizer: Tokenizer, template: InputTemplate, cache: TokenCache) -> None:
        self._tokenizer = tokenizer
        self._budgets = tuple(segment.max_tokens for segment in template.segments)
        # One more than the largest budget, so that a cut text can be told from one that just fits.
        self._keep = max(self._budgets) + 1
        self._cls = np.array([template.cls_id], dtype=np.int32)
        self._sep = np.array([template.sep_id], dtype=np.int32)
        self._separator = np.array(template.separator_ids, dtype=np.int32)
        self.cache = cache

    def build(self, rows: Sequence[Segments]) -> BuiltRows:
        """Tokenise what is not cached, once a distinct text, and join each row.

        Args:
            rows: one tuple of texts a row, in the template's segment order.
        """
        ids = self._ids_of({text for row in rows for text in row})
        prefixes: dict[str, IntArray] = {}
        built: list[Row] = []
        for row in rows:
            prefix = prefixes.get(row[0])
            if prefix is None:
                prefix = np.concatenate((self._cls, ids[row[0]][: self._budgets[0]], self._sep))
                prefixes[row[0]] = prefix
            built.append(self._join(prefix, row, ids))
        cut = {
            text
            for row in rows
            for text, budget in zip(row, self._budgets, strict=True)
            if len(ids[text]) > budget
        }
        return BuiltRows(built, len(cut))

    def _join(self, prefix: IntArray, row: Segments, ids: dict[str, IntArray]) -> Row:
        parts = [prefix]
        for text, budget in zip(row[1:], self._budgets[1:], strict=True):
            if len(parts) > 1:
                parts.append(self._separator)
            parts.append(ids[text][:budget])
        parts.append(self._sep)
        return Row(np.concatenate(parts), len(prefix))

    def _ids_of(self, texts: Iterable[str]) -> dict[str, IntArray]:
        found: dict[str, IntArray] = {}
        missing: list[str] = []
        for text in texts:
            ids = self.cache.get(text)
            if ids is None:
                missing.append(text)
            else:
                found[text] = ids
        if missing:
            encodings = self._tokenizer.encode_batch_fast(missing, add_special_tokens=False)
            for text, encoding in zip(missing, encodings, strict=True):
                ids = np.array(encoding.ids[: self._keep], dtype=np.int32)
                found[text] = ids
                self.cache.put(text, ids)
        return found


def pad_rows(rows: Sequence[Row], bucket: int, pad_id: int) -> Batch:
    """Pad rows on the right to `bucket` tokens.

    Args:
        rows: at least one; none longer than `bucket`.
        bucket: the padded length in tokens.
        pad_id: the tokenizer's padding id.
    """
    ids = np.full((len(rows), bucket), pad_id, dtype=np.int32)
    lengths = np.empty(len(rows), dtype=np.int32)
    first_lengths = np.empty(len(rows), dtype=np.int32)
    for index, row in enumerate(rows):
        ids[index, : row.length] = row.ids
        lengths[index] = row.length
        first_lengths[index] = row.first_length
    return Batch(ids, lengths, first_lengths)
