"""Claims of `ctr_service.bundle.tokens`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken

from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer, pad_rows
from ctr_service.bundle.words import WordTokenizer
from ctr_service.errors import BundleError
from ctr_service.types import Row
from tests.support.tiny_bundle import TINY_TEMPLATE, make_tiny_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_service.bundle.template import Segments

TOKENIZER = make_tiny_tokenizer()
BUDGETS = tuple(segment.max_tokens for segment in TINY_TEMPLATE.segments)
CLS, SEP = TINY_TEMPLATE.cls_id, TINY_TEMPLATE.sep_id
SEPARATOR = list(TINY_TEMPLATE.separator_ids)
SEGMENTS = st.tuples(*(st.text(max_size=60) for _ in BUDGETS))


def builder(cache_bytes: int = 1 << 20) -> RowBuilder:
    """Return a builder with an empty cache."""
    return RowBuilder(TOKENIZER, TINY_TEMPLATE, TokenCache(cache_bytes))


def ids_of(text: str) -> list[int]:
    """Return the ids of a text, uncut."""
    return [int(i) for i in TOKENIZER.encode(text, add_special_tokens=False).ids]


def test_a_row_is_the_template_spelt_out() -> None:
    """`[CLS] query [SEP] title | item | user | context [SEP]`, and the first part's length."""
    row: Segments = ("red", "a b", "x", "", "z")
    (built,) = builder().build([row]).rows
    assert built.ids.tolist() == [
        CLS,
        *ids_of("red"),
        SEP,
        *ids_of("a b"),
        *SEPARATOR,
        *ids_of("x"),
        *SEPARATOR,
        *SEPARATOR,
        *ids_of("z"),
        SEP,
    ]
    assert built.first_length == 2 + len(ids_of("red"))
    assert built.ids.dtype == np.int32


def test_each_segment_is_cut_to_its_own_budget() -> None:
    """A text over its budget loses its end; the same text in a larger segment keeps more."""
    text = "a" * 35
    (row,) = builder().build([(text, text, "", "", "")]).rows
    assert row.first_length == BUDGETS[0] + 2
    assert row.ids.tolist()[1 : 1 + BUDGETS[0]] == ids_of(text)[: BUDGETS[0]]
    title = row.ids.tolist()[row.first_length :][:35]
    assert title == ids_of(text)
    full = ("a" * 99,) * len(BUDGETS)
    (row,) = builder().build([full]).rows
    assert row.length == TINY_TEMPLATE.max_row_tokens


def test_cut_texts_are_counted_once_each() -> None:
    """A text that just fits is not cut; one text in many rows counts once."""
    fits, too_long = "a" * BUDGETS[0], "a" * (BUDGETS[0] + 1)
    build = builder().build
    assert build([(fits, "b", "", "", "")]).truncated_texts == 0
    assert build([(too_long, title, "", "", "") for title in "bcd"]).truncated_texts == 1
    assert (
        build([(too_long, "b" * 50, "", "", ""), ("q", "c" * 50, "", "", "")]).truncated_texts == 3
    )


@given(rows=st.lists(SEGMENTS, min_size=1, max_size=5))
def test_no_row_is_longer_than_the_template_says(rows: list[Segments]) -> None:
    """Whatever the texts hold, in whatever script, rows keep the bound that buckets rely on."""
    built = builder().build(rows)
    for row in built.rows:
        assert row.length <= TINY_TEMPLATE.max_row_tokens
        assert row.ids[0] == CLS
        assert row.ids[row.first_length - 1] == SEP
        assert row.ids[-1] == SEP


@given(rows=st.lists(SEGMENTS, min_size=1, max_size=6), cache_bytes=st.integers(0, 3000))
def test_the_cache_never_changes_a_row(rows: list[Segments], cache_bytes: int) -> None:
    """Warm, cold, or so small that texts fall out while a list is built: the same ids."""
    cached = builder(cache_bytes)
    for _ in range(2):
        again = cached.build(rows)
        fresh = builder().build(rows)
        assert [r.ids.tolist() for r in again.rows] == [r.ids.tolist() for r in fresh.rows]
        assert again.truncated_texts == fresh.truncated_texts
    assert cached.cache.size_bytes <= cache_bytes


def test_a_text_is_tokenised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a second row nor a second request tokenises it again."""
    asked: list[str] = []

    class Counting:
        def encode(self, texts: list[str]) -> list[bytes]:
            asked.extend(texts)
            return WordTokenizer(TOKENIZER).encode(texts)

    build = builder()
    monkeypatch.setattr(build, "_words", Counting())
    build.build([("q", "a", "i", "u", "c"), ("q", "b", "i", "u", "c")])
    build.build([("q", "a", "i", "u", "c")])
    assert sorted(asked) == sorted({"q", "a", "b", "i", "u", "c"})


@pytest.mark.parametrize("pad_id", [0, 1_234])
def test_rows_are_padded_on_the_right(pad_id: int) -> None:
    """Shapes, types and pads are those of the graph's signature, whatever the padding's id."""
    rows = [Row.of(np.array([2, 9, 3], np.int32), 2), Row.of(np.array([2, 3], np.int32), 1)]
    batch = pad_rows(rows, 4, pad_id)
    assert batch.ids.tolist() == [[2, 9, 3, pad_id], [2, 3, pad_id, pad_id]]
    assert batch.lengths.tolist() == [3, 2]
    assert batch.first_lengths.tolist() == [2, 1]
    assert {a.dtype for a in (batch.ids, batch.lengths, batch.first_lengths)} == {
        np.dtype(np.int32)
    }
    assert batch.padded_tokens == 8


def test_a_loaded_tokenizer_neither_cuts_nor_pads_nor_obeys_typed_special_tokens(
    tmp_path: Path,
) -> None:
    """The template alone does these: a query that holds "[SEP]" is text."""
    tokenizer = make_tiny_tokenizer()
    tokenizer.add_special_tokens([AddedToken("[SEP]", special=True)])
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = load_tokenizer(tmp_path / "tokenizer.json")
    ids = loaded.encode_batch_fast(["a [SEP] bcdef", "a"], add_special_tokens=False)
    assert SEP not in ids[0].ids
    assert len(ids[0].ids) > 3
    assert len(ids[1].ids) == 1


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    """Absent or garbage, the error names the file."""
    (tmp_path / "garbage.json").write_text("{}")
    for name in ("garbage.json", "absent.json"):
        with pytest.raises(BundleError, match=name):
            load_tokenizer(tmp_path / name)
