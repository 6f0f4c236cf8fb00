"""Segments -> token ids. The ids of a text are computed once and joined into every row it is in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from tokenizers import Tokenizer

from ctr_service.bundle.words import WordTokenizer, packed
from ctr_service.errors import BundleError
from ctr_service.types import Batch, Row, maker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctr_service.bundle.template import InputTemplate, Segments
    from ctr_service.bundle.token_cache import TokenCache

INT_BYTES = 4
_UNCUT: tuple[str, ...] = ()
_make_row = maker(Row)
_T = TypeVar("_T")


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
        # By column: a segment has one budget, and what all rows share is looked up once.
        columns = [_unless_shared(column) for column in zip(*rows, strict=True)]
        found = self._ids_of(columns)
        too_long: dict[str, int] = {}
        for texts, ids, budget in zip(columns, found, self._budgets, strict=True):
            if max(map(len, ids)) > budget:
                longer = [at for at, known in enumerate(ids) if len(known) > budget]
                too_long.update((texts[at], len(ids[at])) for at in longer)
                for at in longer:
                    ids[at] = ids[at][:budget]
        built = self._join(found, len(rows))
        if not too_long:
            return BuiltRows(built, [_UNCUT] * len(built))
        return BuiltRows(built, [self._cut(row, too_long) for row in rows])

    def _join(self, columns: Sequence[list[bytes]], count: int) -> list[Row]:
        """Join the ids of each segment, one for all rows or one a row, to rows."""
        first, *rest = columns
        heads = [self._cls + ids + self._sep for ids in first]
        pieces = [heads]
        between: list[bytes] = []
        for column in rest:
            pieces += [between, column] if between else [column]
            between = [self._separator]
        pieces.append([self._sep])
        joined = map(b"".join, zip(*_by_row(pieces, count), strict=True))
        packed_rows = list(joined)
        lengths = [len(packed_row) // INT_BYTES for packed_row in packed_rows]
        first_lengths = _for_each([len(head) // INT_BYTES for head in heads], count)
        return list(map(_make_row, zip(packed_rows, lengths, first_lengths, strict=True)))

    def _cut(self, row: Segments, too_long: dict[str, int]) -> tuple[str, ...]:
        return tuple(
            text
            for text, budget in zip(row, self._budgets, strict=True)
            if too_long.get(text, 0) > budget
        )

    def _ids_of(self, columns: Sequence[Sequence[str]]) -> list[list[bytes]]:
        try:
            return [self.cache.get_young(texts) for texts in columns]
        except KeyError:
            known, missing = self.cache.get_many(chain.from_iterable(columns))
        for text, whole in zip(missing, self._words.encode(missing), strict=True):
            known[text] = ids = whole[: self._keep_bytes]
            self.cache.put(text, ids)
        return [[known[text] for text in texts] for texts in columns]


def _unless_shared(column: Sequence[str]) -> Sequence[str]:
    """Return one text for a column that says the same in every row."""
    return column[:1] if column.count(column[0]) == len(column) else column


def _for_each(column: list[_T], rows: int) -> list[_T]:
    return column if len(column) == rows else column * rows


def _by_row(pieces: Sequence[list[bytes]], rows: int) -> list[list[bytes]]:
    """Return columns of one element a row; neighbours that all rows share become one."""
    merged: list[list[bytes]] = []
    for column in pieces:
        if merged and len(column) == len(merged[-1]) == 1:
            merged[-1] = [merged[-1][0] + column[0]]
        else:
            merged.append(column)
    return [_for_each(column, rows) for column in merged]


def pad_rows(rows: Sequence[Row], bucket: int, pad_id: int) -> Batch:
    """Pad rows on the right to `bucket` tokens.

    Args:
        rows: at least one; none longer than `bucket`.
        bucket: the padded length in tokens.
        pad_id: the tokenizer's padding id.
    """
    all_ids, lengths, first_lengths = zip(*rows, strict=True)  # by column, which C does
    if pad_id == 0:  # nearly every tokenizer's
        width = bucket * INT_BYTES
        padded = b"".join([ids.ljust(width, b"\0") for ids in all_ids])
    else:
        padding = packed([pad_id] * bucket)
        padded = b"".join([ids + padding[len(ids) :] for ids in all_ids])
    return Batch(
        np.frombuffer(padded, dtype=np.int32).reshape(len(rows), bucket),
        np.array(lengths, dtype=np.int32),
        np.array(first_lengths, dtype=np.int32),
    )
