"""Repeating traffic: queries by Zipf, pages of each query's own result list, users in buckets.

The law is the issue's: exponent 1.0 over 2,000 queries, each with its own list of 200 items from
which pages of 16 are asked, the page number geometric with p 0.6, users in 8 feature buckets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.searches import Search
from ctr_bench.workload import TEXT_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctr_bench.searches import Features
    from ctr_bench.workload import SearchMaker
    from ctr_client.messages import Item


@dataclass(frozen=True, slots=True)
class ZipfLaw:
    """The law of repeating traffic."""

    queries: int = 2_000
    exponent: float = 1.0
    list_items: int = 200
    page_items: int = 16
    page_p: float = 0.6
    user_buckets: int = len(TEXT_VALUES)

    @property
    def pages(self) -> int:
        """Pages of a list; the last one may be short."""
        return -(-self.list_items // self.page_items)


@dataclass(frozen=True, slots=True)
class Draw:
    """One request of the law: which query, which page from 0, which user bucket."""

    query: int
    page: int
    bucket: int


def draws(law: ZipfLaw, count: int, seed: int) -> list[Draw]:
    """Draw requests. A page beyond the list's end becomes the last one."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, law.queries + 1) ** law.exponent
    queries = rng.choice(law.queries, count, p=weights / weights.sum())
    pages = np.minimum(rng.geometric(law.page_p, count), law.pages) - 1
    buckets = rng.integers(0, law.user_buckets, count)
    return [
        Draw(*triple)
        for triple in zip(queries.tolist(), pages.tolist(), buckets.tolist(), strict=True)
    ]


class ZipfTraffic:
    """Turns draws into searches; a page of a list is made when it is first asked for."""

    def __init__(self, law: ZipfLaw, maker: SearchMaker, user_names: Sequence[str]) -> None:
        """Take the law and what draws texts.

        Args:
            law: how much there is of each.
            maker: draws queries and items; used for nothing else, so that a seed fixes everything.
            user_names: text features of a user that carry the bucket.
        """
        self._law = law
        self._maker = maker
        self._user_names = tuple(user_names)
        queries: dict[str, None] = {}
        while len(queries) < law.queries:
            queries.setdefault(_numbered(maker.query(), queries))
        self._queries = tuple(queries)
        self._pages: dict[tuple[int, int], list[Item]] = {}

    def searches(self, wanted: Sequence[Draw]) -> Iterator[Search]:
        """Yield the search of each draw."""
        for draw in wanted:
            items = self._page(draw.query, draw.page)
            yield Search(self._queries[draw.query], items, self._user(draw.bucket))

    def _user(self, bucket: int) -> Features:
        return dict.fromkeys(self._user_names, TEXT_VALUES[bucket])

    def _page(self, query: int, page: int) -> list[Item]:
        """Return a page of a query's list; the last page of the list may be short."""
        if (query, page) not in self._pages:
            begin = page * self._law.page_items
            count = min(self._law.page_items, self._law.list_items - begin)
            drawn = self._maker.items(self._queries[query], self._user(0), {}, count)
            self._pages[query, page] = [
                replace(item, item_id=f"q{query}-{begin + index}")
                for index, item in enumerate(drawn)
            ]
        return self._pages[query, page]


def _numbered(query: str, known: dict[str, None]) -> str:
    """Make a query distinct: one that was drawn before gets a number."""
    return f"{query} {len(known)}" if query in known else query
