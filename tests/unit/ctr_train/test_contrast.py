"""Claims about the pairs of the warm start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.features import Entity
from ctr_train.click_log import ClickLog
from ctr_train.contrast import draw_contrast, why_no_contrast

if TYPE_CHECKING:
    from ctr_service.types import FeatureValue

QUERIES = 40


def make_log(queries: int = QUERIES, rows: int = 8) -> ClickLog:
    """Each query is shown its own titles; the first two of them are clicked."""
    query = [f"q{number}" for number in range(queries) for _ in range(rows)]
    segments: list[FeatureValue | None] = [f"s{row % queries}" for row in range(queries * rows)]
    title = [f"t{number}.{place}" for number in range(queries) for place in range(rows)]
    return ClickLog(
        query=query,
        title=title,
        item_id=title,
        target=np.array([float(place < 2) for _ in range(queries) for place in range(rows)]),
        weight=np.where(np.arange(len(query)) % rows, 1.0, 5.0),
        position=np.tile(np.arange(1, rows + 1, dtype=np.int32), queries),
        group=query,
        features={
            Entity.ITEM: {"price": [float(row) for row in range(len(query))]},
            Entity.USER: {"segment": segments},
        },
    )


def test_right_pairs_are_clicked_rows_by_their_clicks() -> None:
    """Only clicked rows are drawn, one of five clicks five times as often as one of one."""
    contrast = draw_contrast(make_log(), 6_000, np.random.default_rng(0))
    titles = [t for t, right in zip(contrast.log.title, contrast.right, strict=True) if right]
    assert len(titles) == 6_000
    places = np.bincount([int(title.split(".")[1]) for title in titles])
    assert len(places) == 2
    assert 4 < places[0] / places[1] < 6


def test_wrong_pairs_keep_the_search_and_change_the_product() -> None:
    """Query and user stay a clicked row's; title and price are another row's, never a shown one."""
    log = make_log()
    contrast = draw_contrast(log, 500, np.random.default_rng(0))
    segment_of = dict(zip(log.query, log.features[Entity.USER]["segment"], strict=True))
    price_of = dict(zip(log.title, log.features[Entity.ITEM]["price"], strict=True))
    drawn, wrong = contrast.log, np.flatnonzero(~contrast.right)
    assert 450 < len(wrong) <= 500
    assert len(drawn) == len(contrast.right) == len(drawn.features[Entity.ITEM]["price"])
    for row in wrong.tolist():
        assert drawn.title[row].split(".")[0][1:] != drawn.query[row][1:]
        assert drawn.features[Entity.ITEM]["price"][row] == price_of[drawn.title[row]]
    shown = {segment_of[drawn.query[row]] for row in wrong.tolist()}
    assert len(shown) > 1


def test_a_log_with_nothing_to_compare_says_why() -> None:
    """Few clicks, few queries or few titles: no pairs, and a sentence with the figure."""
    assert why_no_contrast(make_log()) == ""
    assert "18 different queries" in why_no_contrast(make_log(18, 12))
    assert "12 clicks" in why_no_contrast(make_log(2))
    same = make_log()
    same.title[:] = ["t"] * len(same)
    assert "1 different titles" in why_no_contrast(same)
