"""Reading candidates from CSV and JSON Lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr.v1 import prediction_pb2 as pb
from ctr_client.features import CONTEXT, ITEM, USER, FeatureError, FeatureTypes
from ctr_client.items import ItemFileError, parse_items
from ctr_client.messages import Item

CANARY = "canary-7391"
TYPES = FeatureTypes(
    [
        pb.FeatureSpec(name="price", entity=ITEM, type=pb.FEATURE_TYPE_NUMBER),
        pb.FeatureSpec(name="brand", entity=ITEM, type=pb.FEATURE_TYPE_TEXT),
        pb.FeatureSpec(name="tags", entity=ITEM, type=pb.FEATURE_TYPE_TEXTS),
        pb.FeatureSpec(name="segment", entity=USER, type=pb.FEATURE_TYPE_TEXT),
        pb.FeatureSpec(name="hour", entity=CONTEXT, type=pb.FEATURE_TYPE_NUMBER),
    ]
)


def test_a_csv_row_becomes_an_item() -> None:
    """Plain and prefixed feature columns are typed by the schema; empty cells are missing."""
    raw = (
        "item_id,item_title,price,item_brand,tags,prior_score,rank,item_version,colour\n"
        'a,"mug, blue",9.5,acme,hot|cold,0.25,3,v1,blue\n'
        "b,杯子,,,,,,,\n"
    ).encode()
    file = parse_items(raw, TYPES)
    assert file.items == (
        Item(
            "a",
            "mug, blue",
            "v1",
            {"price": 9.5, "brand": "acme", "tags": ("hot", "cold")},
            prior_score=0.25,
            rank=3,
        ),
        Item("b", "杯子"),
    )
    assert file.ignored == ("colour",)


def test_json_lines_are_recognised_by_their_brace() -> None:
    """JSON Lines need no extension; numbers, texts and lists keep their type."""
    rows = [
        {"item_id": 7, "title": "mug\u2028x", "item_price": 3, "tags": ["a"], "brand": None},
        {"title": "cup"},
    ]
    raw = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    file = parse_items(raw, TYPES)
    assert file.items == (
        Item("7", "mug\u2028x", features={"price": 3.0, "tags": ("a",)}),
        Item("2", "cup"),
    )


def test_rows_without_an_id_are_numbered() -> None:
    """A file needs nothing but titles."""
    assert [item.item_id for item in parse_items(b"title\nx\ny\n", TYPES).items] == ["1", "2"]


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"", ["empty"]),
        (b" \n", ["empty"]),
        (b"title\n", ["no rows"]),
        (b"name,price\nx,1\n", ["title"]),
        (b"title,title\nx,y\n", ["share a name"]),
        (b"title,price\nx\n", ["row 1", "2 cells"]),
        (b"title,price\nx,1,2\n", ["row 1", "2 cells"]),
        (b'title\n"x\n', ["no CSV"]),
        (b"title,price\nx,1\ny,cheap\n", ["row 2", "price", "number"]),
        (b"title,price\nx,nan\n", ["row 1", "price", "finite"]),
        (b"title,price,item_price\nx,1,2\n", ["row 1", "price", "item_price"]),
        (b"title,rank\nx,0\n", ["row 1", "rank"]),
        (b"title,rank\nx,1.5\n", ["row 1", "rank"]),
        (b"title,prior_score\nx,high\n", ["row 1", "prior_score"]),
        (b'{"title": 3}', ["row 1", "title", "text"]),
        (b'{"title": "x", "tags": [1]}', ["row 1", "tags"]),
        (b'{"title": "x", "brand": 1}', ["row 1", "brand"]),
        (b'{"title": "x", "price": true}', ["row 1", "price"]),
        (b'{"name": "x"}', ["row 1", "title"]),
        (b'{"title": "x"}\n[1]', ["row 2", "object"]),
        (b'{"title": "x"', ["row 1", "JSON"]),
        (b"title\n\xff\xfe\n", ["UTF-8", "byte 6"]),
    ],
)
def test_a_wrong_file_is_a_sentence(raw: bytes, parts: list[str]) -> None:
    """Each mistake names the row and the column."""
    with pytest.raises(ItemFileError) as caught:
        parse_items(raw, TYPES)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        f"title,price\n{CANARY},{CANARY}\n".encode(),
        f'{{"title": "{CANARY}", "tags": {{"{CANARY}": 1}}}}'.encode(),
    ],
)
def test_errors_never_repeat_content(raw: bytes) -> None:
    """A cell's text does not come back in the error."""
    with pytest.raises(ItemFileError) as caught:
        parse_items(raw, TYPES)
    assert CANARY not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_items_or_a_sentence(raw: bytes) -> None:
    """Whatever the file holds, the outcome is items or an ItemFileError."""
    try:
        file = parse_items(raw, TYPES)
    except ItemFileError:
        return
    assert file.items


def test_pairs_of_the_command_line_are_typed() -> None:
    """`name=value` is read by the schema; a value may hold an equals sign or be empty."""
    assert TYPES.from_pairs(USER, ["segment=a=b"]) == {"segment": "a=b"}
    assert TYPES.from_pairs(CONTEXT, ["hour=8"]) == {"hour": 8.0}
    assert TYPES.from_pairs(CONTEXT, ["hour="]) == {}


@pytest.mark.parametrize(
    ("pair", "parts"),
    [("segment", ["equals"]), ("age=3", ["age", "segment"])],
)
def test_a_wrong_pair_is_a_sentence(pair: str, parts: list[str]) -> None:
    """An unknown feature is answered with those that the model knows."""
    with pytest.raises(FeatureError) as caught:
        TYPES.from_pairs(USER, [pair])
    assert all(part in str(caught.value) for part in parts)
