"""Segments -> token ids. The ids of a text are computed once and joined into every row it is in."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from ctr_service.bundle.words import WordTokenizer, packed
from ctr_service.errors import BundleError
from ctr_service.types import Batch, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ctr_service.bundle.template import InputTemplate, Segments

INT_BYTES = 4
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

    Ids are kept as the bytes of int32. Not safe across threads: it belongs to one event loop.
    """

    def __init__(self, max_bytes: int) -> None:
        self._ids: OrderedDict[str, bytes] = OrderedDict()
        self._max_bytes = max_bytes
        self.size_bytes = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._ids)

    def get_many(self, texts: Iterable[str]) -> tuple[dict[str, bytes], list[str]]:
        """Return the ids of those texts that are known, and the others."""
        get, touch = self._ids.get, self._ids.move_to_end
        found: dict[str, bytes] = {}
        missing: list[str] = []
        for text in texts:
            ids = get(text)
            if ids is None:
                missing.append(text)
            else:
                touch(text)
                found[text] = ids
        self.hits += len(found)
        self.misses += len(missing)
        return found, missing

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """Return the texts that are not here; neither counted nor touched."""
        return [text for text in texts if text not in self._ids]

    def peek(self, texts: Iterable[str]) -> dict[str, bytes]:
        """Return the ids of those texts that are known; neither counted nor touched."""
        return {text: ids for text in texts if (ids := self._ids.get(text)) is not None}

    def put(self, text: str, ids: bytes) -> None:
        """Keep the ids of a text; drop the least recently used ones beyond the bound."""
        if text in self._ids:
            return
        self._ids[text] = ids
        self.size_bytes += self._cost_bytes(text, ids)
        while self.size_bytes > self._max_bytes and self._ids:
            old_text, old_ids = self._ids.popitem(last=False)
            self.size_bytes -= self._cost_bytes(old_text, old_ids)

    @staticmethod
    def _cost_bytes(text: str, ids: bytes) -> int:
        return 4 * len(text) + len(ids) + ENTRY_OVERHEAD_BYTES


_UNCUT: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltRows:
    """Rows in the order asked for.

    Attributes:
        rows: token ids.
        cut_texts: for each row, its texts that were cut to their budget.
    """

    rows: list[Row]
    cut_texts: list[tuple[str, ...]]

    @property
    def truncated_texts(self) -> int:
        """How many distinct texts were cut."""
        return len({text for cut in self.cut_texts for text in cut})


class RowBuilder:
    """Tokenises segments and joins them to rows as the template says."""

    def __init__(self, tokenizer: Tokenizer, template: InputTemplate, cache: TokenCache) -> None:
        self._words = WordTokenizer(tokenizer)
        self._budgets = tuple(INT_BYTES * segment.max_tokens for segment in template.segments)
        # One more than the largest budget, so that a cut text can be told from one that just fits.
        self._keep_bytes = INT_BYTES * (1 + max(part.max_tokens for part in template.segments))
        self._cls = packed([template.cls_id])
        self._sep = packed([template.sep_id])
        self._separator = packed(template.separator_ids)
        self.cache = cache

    def build(self, rows: Sequence[Segments]) -> BuiltRows:
        """Tokenise what is not cached, once a distinct text, and join each row.

        Args:
            rows: one tuple of texts a row, in the template's segment order.
        """
        if not rows:
            return BuiltRows([], [])
        # By column: a segment has one budget, and a list comprehension is what Python does fastest.
        columns = [list(column) for column in zip(*rows, strict=True)]
        ids = self._ids_of({text for column in columns for text in set(column)})
        too_long: set[str] = set()
        parts: list[list[bytes]] = []
        for column, budget in zip(columns, self._budgets, strict=True):
            cut = {text: ids[text] for text in set(column)}
            longer = [text for text, known in cut.items() if len(known) > budget]
            cut.update((text, cut[text][:budget]) for text in longer)
            too_long.update(longer)
            parts.append([cut[text] for text in column])
        cls, sep = self._cls, self._sep
        prefixes = [cls + query + sep for query in parts[0]]
        built = [
            Row(
                prefix + tail + sep,
                (len(prefix) + len(tail)) // INT_BYTES + 1,
                len(prefix) // INT_BYTES,
            )
            for prefix, tail in zip(prefixes, self._tails(parts[1:], len(rows)), strict=True)
        ]
        if not too_long:
            return BuiltRows(built, [_UNCUT] * len(built))
        return BuiltRows(built, [self._cut(row, ids, too_long) for row in rows])

    def _tails(self, columns: list[list[bytes]], rows: int) -> list[bytes]:
        """Return what follows the first segment of each row, without the last `[SEP]`."""
        if len(columns) == 1:
            return columns[0]
        if not columns:
            return [b""] * rows
        return [self._separator.join(texts) for texts in zip(*columns, strict=True)]

    def _cut(self, row: Segments, ids: dict[str, bytes], too_long: set[str]) -> tuple[str, ...]:
        if too_long.isdisjoint(row):
            return _UNCUT
        return tuple(
            text
            for text, budget in zip(row, self._budgets, strict=True)
            if text in too_long and len(ids[text]) > budget
        )

    def _ids_of(self, texts: Iterable[str]) -> dict[str, bytes]:
        found, missing = self.cache.get_many(texts)
        if missing:
            for text, whole in zip(missing, self._words.encode(missing), strict=True):
                ids = whole[: self._keep_bytes]
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
    padding = packed([pad_id] * bucket)
    padded = b"".join([ids + padding[len(ids) :] for ids, _, _ in rows])
    return Batch(
        np.frombuffer(padded, dtype=np.int32).reshape(len(rows), bucket),
        np.array([length for _, length, _ in rows], dtype=np.int32),
        np.array([first_length for _, _, first_length in rows], dtype=np.int32),
    )
