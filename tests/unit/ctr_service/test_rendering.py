"""Claims of `ctr_service.rendering`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from ctr_service.bundle.template import Renderer
from ctr_service.errors import Reason, RequestInvalidError
from ctr_service.rendering import RenderedSearch, render_search
from ctr_service.types import Candidate, ItemError, SearchRequest
from tests.support.tiny_bundle import TINY_SCHEMA, TINY_TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_service.types import FeatureValue

RENDERER = Renderer(TINY_TEMPLATE, TINY_SCHEMA)
SECRET = "hunter2"  # noqa: S105 -- stands for a user's text


def render(
    *candidates: Candidate,
    user_features: Mapping[str, FeatureValue] | None = None,
    context_features: Mapping[str, FeatureValue] | None = None,
) -> RenderedSearch:
    """Render a search for "red"."""
    request = SearchRequest(
        "r",
        "red",
        candidates,
        deadline_ns=1,
        user_features=user_features or {},
        context_features=context_features or {},
    )
    return render_search(RENDERER, request)


def item(item_id: str, title: str = "shoe", **features: FeatureValue) -> Candidate:
    """Return a candidate."""
    return Candidate(item_id, title, features=features)


def test_equal_rows_become_one() -> None:
    """Candidates that the model cannot tell apart share a row, whatever their ids."""
    search = render(item("a"), item("b", "boot"), item("c"), item("d", price=20.0))
    assert search.row_of == [0, 1, 0, 2]
    assert [row[1] for row in search.segments] == ["shoe", "boot", "shoe"]


def test_rows_stand_in_the_callers_rank() -> None:
    """The lowest rank comes first; a candidate without a rank counts by its place."""
    ranked = [Candidate(str(rank), f"title {rank}", rank=rank) for rank in (9, 1, None, 3)]
    search = render(*ranked)
    assert [row[1] for row in search.segments] == ["title 1", "title None", "title 3", "title 9"]
    assert search.row_of == [3, 0, 1, 2]


def test_an_item_that_the_edge_refused_stays_refused() -> None:
    """It has no row; its error is handed on; its neighbours keep theirs."""
    refused = ItemError(Reason.DUPLICATE_ITEM_ID, "said at the edge")
    search = render(item("a"), Candidate("a", "", error=refused), item("b", "boot"))
    assert search.row_of == [0, None, 1]
    assert search.errors == {1: refused}


@pytest.mark.parametrize(
    ("feature", "value", "reason"),
    [
        ("price", SECRET, Reason.FEATURE_TYPE_MISMATCH),
        ("price", math.inf, Reason.NUMBER_NOT_FINITE),
        ("brand", 4.5, Reason.FEATURE_TYPE_MISMATCH),
        ("tags", SECRET, Reason.FEATURE_TYPE_MISMATCH),
    ],
)
def test_a_bad_item_feature_is_that_items_error(
    feature: str, value: FeatureValue, reason: Reason
) -> None:
    """The sentence names the feature by its path in the request, and never the value."""
    search = render(item("a"), Candidate("b", "", features={feature: value}))
    assert search.row_of == [0, None]
    error = search.errors[1]
    assert error.reason is reason
    assert error.detail.startswith(f"candidates[1].features[{feature}] must be")
    assert SECRET not in error.detail


def test_a_bad_user_or_context_feature_refuses_the_request() -> None:
    """What all rows share cannot be wrong for one item alone."""
    with pytest.raises(RequestInvalidError, match=r"user\.segment"):
        render(item("a"), user_features={"segment": 3})
    with pytest.raises(RequestInvalidError, match=r"context\.hour"):
        render(item("a"), context_features={"hour": "x"})


def test_defaulted_features_are_named_item_first() -> None:
    """Every known feature that was missing is named, the item's own before those all share."""
    search = render(
        item("a", price=1.0, tags=()), item("b", brand="x"), user_features={"segment": "s"}
    )
    assert search.defaulted == [
        ("item.brand", "item.tags", "context.hour"),
        ("item.price", "item.tags", "context.hour"),
    ]


def test_unknown_features_are_named_sorted_and_cut() -> None:
    """At most sixteen names, each at most 64 characters; known ones are not among them."""
    names: dict[str, FeatureValue] = {f"n{i:02}": 1.0 for i in range(20)}
    long = "x" * 100
    search = render(Candidate("a", "", features={**names, "price": 2.0}), user_features={long: 1.0})
    assert search.ignored_features == tuple(f"item.n{i:02}" for i in range(16))
    search = render(item("a"), user_features={long: 1.0}, context_features={"hour": 3, "b": 1.0})
    assert search.ignored_features == ("context.b", f"user.{long}"[:64])


def test_what_was_rendered_before_renders_the_same() -> None:
    """A list of plain items takes a short way, which ends where the long one does."""
    more_features: list[dict[str, FeatureValue]] = [
        {},
        {"brand": "acme", "tags": ("a",)},
        {"colour": "red"},
    ]
    for ranks in ((None, None, None), (1, 2, 3), (3, 1, 2)):
        plain = [
            Candidate(str(n), f"title {n % times}", features={"price": 20.0, **more}, rank=rank)
            for times in (2, 3)
            for more in more_features
            for n, rank in enumerate(ranks)
        ]
        for first in range(0, len(plain), 3):
            items = plain[first : first + 3]
            rendered = [
                item._replace(rendered=RENDERER.item_features(item.features)) for item in items
            ]
            assert render(*rendered) == render(*items)
