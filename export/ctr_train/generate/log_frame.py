"""The whole log: parameters and a seed in, a table of impressions out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ctr_train.generate.attraction import AttractionModel
from ctr_train.generate.catalogue import DEPARTMENTS, build_catalogue
from ctr_train.generate.examination import examination
from ctr_train.generate.queries import build_queries
from ctr_train.generate.searches import Ranker, Retrieval, Searcher
from ctr_train.generate.users import SEGMENTS, draw_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    from ctr_train.generate.catalogue import Catalogue
    from ctr_train.generate.queries import Query
    from ctr_train.generate.users import User

DEFAULT_SEARCHES = 3600
DEFAULT_SEED = 7
ATTRACTION_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class LogParameters:
    """Everything that shapes the log.

    Attributes:
        searches: how many lists are shown.
        distinct_share: distinct queries a search; the other searches repeat one of them.
        items_a_kind: products of each kind in the catalogue.
    """

    searches: int = DEFAULT_SEARCHES
    distinct_share: float = 0.85
    items_a_kind: int = 40
    attraction: AttractionModel = field(default_factory=AttractionModel)
    retrieval: Retrieval = field(default_factory=Retrieval)
    ranker: Ranker = field(default_factory=Ranker)


def generate_frame(
    rng: Generator, parameters: LogParameters, advance: Callable[[int], None] | None = None
) -> pd.DataFrame:
    """Return the log, one row an impression, a search's rows together in the order shown.

    Columns: search_id, query, item_id, item_title, item_price, user_segment,
    user_favourite, position (from 1), label (0 or 1) and true_attraction, which is
    P(click | examined) and which no model may see.

    Args:
        rng: the only source of chance.
        parameters: the log's shape.
        advance: told the number of searches done since it was last called.
    """
    catalogue = build_catalogue(rng, items_a_kind=parameters.items_a_kind)
    queries = build_queries(rng, max(1, round(parameters.searches * parameters.distinct_share)))
    repeats = rng.integers(0, len(queries), parameters.searches - len(queries))
    asked = rng.permutation(np.concatenate((np.arange(len(queries)), repeats)))
    searcher = Searcher(catalogue, parameters.retrieval, parameters.ranker)
    searches = []
    for which in asked:
        model = parameters.attraction
        searches.append(_search(rng, queries[which], searcher, catalogue, model))
        if advance is not None:
            advance(1)
    return _frame(searches, catalogue)


@dataclass(frozen=True, slots=True)
class _Search:
    """One search: who asked what, the items in the order shown, attraction and clicks of each."""

    query: Query
    user: User
    items: NDArray[np.int64]
    attraction: NDArray[np.float64]
    clicked: NDArray[np.bool_]


def _search(
    rng: Generator, query: Query, searcher: Searcher, catalogue: Catalogue, model: AttractionModel
) -> _Search:
    """Show one list and draw its clicks, each on its own: examination x attraction."""
    user = draw_user(rng)
    items = searcher.list_of(rng, query)
    attraction = model.of(query, user, catalogue, items)
    looked = examination(np.arange(1, len(items) + 1))
    return _Search(query, user, items, attraction, rng.random(len(items)) < looked * attraction)


def _frame(searches: list[_Search], catalogue: Catalogue) -> pd.DataFrame:
    """Lay all searches out as one table."""
    lengths = [len(search.items) for search in searches]
    items = np.concatenate([search.items for search in searches])
    users = [search.user for search in searches]

    def each(values: list[str]) -> NDArray[np.object_]:
        return np.repeat(np.array(values, dtype=object), lengths)

    return pd.DataFrame(
        {
            "search_id": each([f"s{number:06d}" for number in range(len(searches))]),
            "query": each([search.query.text for search in searches]),
            "item_id": np.array([f"p{item:05d}" for item in range(len(catalogue))])[items],
            "item_title": np.array(catalogue.titles)[items],
            "item_price": catalogue.price[items],
            "user_segment": each([SEGMENTS[user.segment] for user in users]),
            "user_favourite": each([DEPARTMENTS[user.favourite] for user in users]),
            "position": np.concatenate([np.arange(1, length + 1) for length in lengths]),
            "label": np.concatenate([search.clicked for search in searches]).astype(np.int64),
            "true_attraction": np.concatenate(
                [np.round(search.attraction, ATTRACTION_DECIMALS) for search in searches]
            ),
        }
    )
