"""Held-out rows of a log, put back together as the searches that they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.features import Entity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctr_service.types import FeatureValue
    from ctr_train.log import ClickLog

MAX_CANDIDATES = 1_000
"""The wire's limit; a longer list is sent in parts."""


@dataclass(frozen=True, slots=True)
class Item:
    """One candidate of a search, and the row of the log that it came from."""

    row: int
    item_id: str
    title: str
    features: dict[str, FeatureValue]


@dataclass(frozen=True, slots=True)
class Search:
    """One search as a frontend would send it."""

    query: str
    user_features: dict[str, FeatureValue]
    context_features: dict[str, FeatureValue]
    items: tuple[Item, ...]


def rebuild_searches(
    log: ClickLog, rows: NDArray[np.int64], search_ids: Sequence[str] | None
) -> list[Search]:
    """Group rows to searches: by search id where the log has one, else by group.

    Rows of one search share query, user and context; where they differ, they are apart.

    Args:
        log: the whole log.
        rows: the rows to use, as indices into `log`.
        search_ids: an id a row of the log, or None.
    """
    keys: dict[tuple[object, ...], list[int]] = {}
    for row in rows.tolist():
        ident = log.group[row] if search_ids is None else search_ids[row]
        user = tuple(_features(log, Entity.USER, row).items())
        context = tuple(_features(log, Entity.CONTEXT, row).items())
        keys.setdefault((ident, log.query[row], user, context), []).append(row)
    searches: list[Search] = []
    for members in keys.values():
        starts = range(0, len(members), MAX_CANDIDATES)
        searches.extend(_search(log, members[s : s + MAX_CANDIDATES]) for s in starts)
    return searches


def sample_searches(searches: Sequence[Search], count: int, seed: int) -> list[Search]:
    """Take `count` searches, the longest kinds of list as often as they are found."""
    chosen = np.random.default_rng(seed).permutation(len(searches))[:count]
    return [searches[index] for index in sorted(chosen.tolist())]


def _search(log: ClickLog, members: Sequence[int]) -> Search:
    first = members[0]
    seen: set[str] = set()
    items: list[Item] = []
    for row in members:
        # The wire wants unique ids; a log may lack ids or show one item twice.
        item_id = log.item_id[row] or f"row-{row}"
        item_id = f"{item_id}#{row}" if item_id in seen else item_id
        seen.add(item_id)
        items.append(Item(row, item_id, log.title[row], _features(log, Entity.ITEM, row)))
    return Search(
        log.query[first],
        _features(log, Entity.USER, first),
        _features(log, Entity.CONTEXT, first),
        tuple(items),
    )


def _features(log: ClickLog, entity: Entity, row: int) -> dict[str, FeatureValue]:
    columns = log.features.get(entity, {})
    return {name: value for name, values in columns.items() if (value := values[row]) is not None}
