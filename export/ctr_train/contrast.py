"""Pairs that a search clicked, beside the same searches with another product.

A title that was clicked under a query is right, and one drawn from the whole log is wrong, save by
a rare accident. That is weaker than a label and says nothing about the order
within a list, but there is as much of it as one wants, it knows no position, and it teaches a
cross-encoder to compare the two texts at all. After negatives in retrieval (Karpukhin et al. 2020,
arXiv 2004.04906, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.features import Entity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_train.click_log import ClickLog

MIN_CLICKS = 100.0
"""With fewer the pairs would be the same few texts again and again."""
MIN_TEXTS = 20
"""A log with fewer different queries or titles has nothing to compare."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Right pairs and wrong ones, as rows of a log.

    Attributes:
        log: labels and positions of its rows mean nothing.
        right: bool [rows], the pair was clicked.
    """

    log: ClickLog
    right: NDArray[np.bool_]


def why_no_contrast(log: ClickLog) -> str:
    """Say why a training split gives no pairs to learn from; empty when it does."""
    clicks = float(log.weight @ log.target)
    if clicks < MIN_CLICKS:
        return f"it has {clicks:,.0f} clicks, fewer than {MIN_CLICKS:,.0f}"
    for name, texts in (("queries", log.query), ("titles", log.title)):
        different = len(set(texts) - {""})
        if different < MIN_TEXTS:
            return f"it has {different} different {name}, fewer than {MIN_TEXTS}"
    return ""


def draw_contrast(log: ClickLog, pairs: int, rng: np.random.Generator) -> Contrast:
    """Draw rows by their clicks, and beside each the same search with a product of any other row.

    Unclicked rows are left to the labels: with them the pairs were told apart less well (AUC 0.96
    against 0.99 on homedepot_small) and the fit ended no better.

    Args:
        log: the training split; see `why_no_contrast`.
        pairs: right ones; about as many wrong ones come with them.
        rng: draws.
    """
    clicks = log.weight * log.target
    right = rng.choice(len(log), size=pairs, p=clicks / clicks.sum())
    others = rng.integers(0, len(log), size=pairs)
    shown = set(zip(log.query, log.title, strict=True))
    wrong = [
        place
        for place, (row, other) in enumerate(zip(right.tolist(), others.tolist(), strict=True))
        if (log.query[row], log.title[other]) not in shown
    ]
    right_part = log.take(right)
    wrong_part = _with_products(log.take(right[wrong]), log.take(others[wrong]))
    return Contrast(
        _joined(right_part, wrong_part), np.arange(len(right_part) + len(wrong)) < pairs
    )


def _with_products(searches: ClickLog, products: ClickLog) -> ClickLog:
    """Return the searches, each with another row's title and item features."""
    features = dict(searches.features)
    if Entity.ITEM in products.features:
        features[Entity.ITEM] = products.features[Entity.ITEM]
    return replace(searches, title=products.title, item_id=products.item_id, features=features)


def _joined(first: ClickLog, second: ClickLog) -> ClickLog:
    return replace(
        first,
        query=first.query + second.query,
        title=first.title + second.title,
        item_id=first.item_id + second.item_id,
        target=np.concatenate([first.target, second.target]),
        weight=np.concatenate([first.weight, second.weight]),
        position=None,
        group=first.group + second.group,
        features={
            entity: {
                name: values + second.features[entity][name] for name, values in columns.items()
            }
            for entity, columns in first.features.items()
        },
    )
