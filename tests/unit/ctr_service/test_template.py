"""Claims of `ctr_service.bundle.template`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from ctr_service.bundle.features import Entity, FeatureSchema
from ctr_service.bundle.template import (
    SPECIAL_TOKENS_A_ROW,
    InputTemplate,
    Renderer,
    Segment,
    SegmentName,
)
from tests.support.tiny_bundle import TINY_SCHEMA, TINY_TEMPLATE

if TYPE_CHECKING:
    from ctr_service.types import FeatureValue

RENDERER = Renderer(TINY_TEMPLATE, TINY_SCHEMA)


def template_of(*names: SegmentName) -> InputTemplate:
    """Return a template with ten tokens a segment."""
    segments = tuple(Segment(name=name, max_tokens=10) for name in names)
    return InputTemplate(segments=segments, cls_id=2, sep_id=3, pad_id=0, separator_ids=(5, 6))


def test_a_row_has_the_templates_segments_in_its_order() -> None:
    """Shared and own texts are joined in template order, features joined by a comma."""
    shared = RENDERER.request("red shoe", {"segment": "loyal"}, {"hour": 7})
    own = RENDERER.item("Trainer", {"price": 60, "tags": ("run", "new")})
    assert RENDERER.row(shared, own) == (
        "red shoe",
        "Trainer",
        "price 2, brand unknown, tags run, new",
        "segment loyal",
        "hour 7",
    )
    turned = Renderer(
        template_of(SegmentName.QUERY, SegmentName.USER, SegmentName.TITLE), TINY_SCHEMA
    )
    assert turned.row(shared, own) == ("red shoe", "segment loyal", "Trainer")


def test_defaulted_features_are_named_by_entity() -> None:
    """Each side names its own; a sent value that equals the default is not defaulted."""
    assert RENDERER.request("q", {"segment": "new"}, {}).defaulted == ("context.hour",)
    assert RENDERER.item("t", {"brand": ""}).defaulted == (
        "item.price",
        "item.brand",
        "item.tags",
    )


def test_unknown_features_change_nothing_and_are_named() -> None:
    """A feature that the schema lacks is not rendered; it is listed."""
    known = RENDERER.item("t", {"price": 3.0})
    more = RENDERER.item("t", {"price": 3.0, "zeal": 1.0, "colour": "red"})
    assert more == known
    features: dict[str, FeatureValue] = {"price": 3.0, "zeal": 1.0, "colour": "red"}
    rendered = RENDERER.item_features(features)
    assert rendered.text == RENDERER.item_features({"price": 3.0}).text
    assert set(rendered.unknown) == {"colour", "zeal"}
    assert "price" not in RENDERER.known(Entity.USER)


def test_rows_of_a_request_are_its_rows_one_by_one() -> None:
    """Joined by column they are what they are joined one at a time; none gives none."""
    shared = RENDERER.request("red shoe", {"segment": "loyal"}, {"hour": 7})
    prices: list[dict[str, FeatureValue]] = [{"price": 60.0}, {}, {"price": 7.0}]
    titles = ["Trainer", "", "Boot"]
    texts = [RENDERER.item_features(price).text for price in prices]
    assert list(RENDERER.rows(shared, titles, texts)) == [
        RENDERER.row(shared, RENDERER.item(title, price))
        for title, price in zip(titles, prices, strict=True)
    ]
    assert list(RENDERER.rows(shared, [], [])) == []


def test_a_schema_without_features_gives_empty_segments() -> None:
    """A plain query and title model has nothing to say beside them."""
    bare = Renderer(TINY_TEMPLATE, FeatureSchema())
    row = bare.row(bare.request("q", {}, {}), bare.item("t", {}))
    assert row == ("q", "t", "", "", "")


@pytest.mark.parametrize(
    ("names", "separators"),
    [
        ((SegmentName.QUERY,), 0),
        ((SegmentName.QUERY, SegmentName.TITLE), 0),
        ((SegmentName.QUERY, SegmentName.TITLE, SegmentName.ITEM, SegmentName.USER), 2),
    ],
)
def test_the_longest_row_counts_budgets_separators_and_special_tokens(
    names: tuple[SegmentName, ...], separators: int
) -> None:
    """Separators stand only between the segments after the first `[SEP]`."""
    expected = 10 * len(names) + 2 * separators + SPECIAL_TOKENS_A_ROW
    assert template_of(*names).max_row_tokens == expected


def test_a_template_begins_with_the_query_and_names_nothing_twice() -> None:
    """Anything else is refused."""
    for names in (
        (),
        (SegmentName.TITLE, SegmentName.QUERY),
        (SegmentName.QUERY, SegmentName.TITLE, SegmentName.TITLE),
    ):
        with pytest.raises(ValidationError):
            template_of(*names)
