"""Distinct and repeating traffic: lengths, laws, and the bytes that are sent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from ctr.v1 import prediction_pb2
from ctr_bench.bound.rows import RowMaker, open_bundle
from ctr_bench.catalogue import MADE_UP, find_catalogue
from ctr_bench.errors import BenchError
from ctr_bench.searches import FeatureNames
from ctr_bench.workload import SearchMaker, Shape, serialise
from ctr_bench.zipf import ZipfLaw, ZipfTraffic, draws
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

TITLES = ("red lamp large", "steel drill kit 18", "oak shelf", "blue outdoor speaker x")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> RowMaker:
    """Rows of the tiny bundle, whose tokens are single characters."""
    return RowMaker(open_bundle(make_tiny_bundle(tmp_path_factory.mktemp("traffic") / "bundle")))


def maker(rows: RowMaker, seed: int = 0, **bounds: int) -> SearchMaker:
    """A maker of searches without features of their own."""
    shape = Shape(16, FeatureNames(), **bounds)
    return SearchMaker(TITLES, rows, shape, seed)


def test_pairs_have_the_lengths_that_were_asked_for(rows: RowMaker) -> None:
    """Every pair lies within the bounds, and short and long ones both occur."""
    searches = maker(rows, min_pair_tokens=65, max_pair_tokens=95).distinct(20)
    lengths = [length for search in searches for length in rows.row_tokens(search)]
    assert max(lengths) <= 95
    assert max(lengths) - min(lengths) >= 15


def test_the_same_seed_makes_the_same_bytes(rows: RowMaker) -> None:
    """Two makers of one seed agree; another seed differs."""
    first, second, other = (serialise(maker(rows, seed).distinct(3)) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_a_request_carries_the_query_the_titles_and_the_features(rows: RowMaker) -> None:
    """The bytes parse as the wire's request, with the features that the model knows."""
    shape = Shape(16, rows.features)
    search = SearchMaker(TITLES, rows, shape, 0).search()
    message = prediction_pb2.PredictClicksRequest.FromString(search.serialise())
    assert message.query == search.query
    assert [c.title for c in message.candidates] == [item.title for item in search.items]
    assert len({c.item_id for c in message.candidates}) == 16
    assert set(message.candidates[0].features) == {"price", "brand", "tags"}
    assert set(message.user.features) == {"segment"}


def test_zipf_draws_follow_the_law() -> None:
    """Query 0 is drawn twice as often as query 1; 60 % ask for the first page; buckets are even."""
    drawn = draws(ZipfLaw(), 40_000, seed=3)
    queries = Counter(draw.query for draw in drawn)
    assert queries[0] / queries[1] == pytest.approx(2, rel=0.1)
    assert sum(draw.page == 0 for draw in drawn) / 40_000 == pytest.approx(0.6, abs=0.01)
    assert max(draw.page for draw in drawn) <= 12
    buckets = Counter(draw.bucket for draw in drawn)
    assert len(buckets) == 8
    assert min(buckets.values()) > 0.9 * 40_000 / 8


def test_a_zipf_page_is_always_the_same_and_pages_share_no_item(rows: RowMaker) -> None:
    """Asked again, a page has the same texts; the last page of 200 items has 8."""
    law = ZipfLaw(queries=3)
    traffic = ZipfTraffic(law, maker(rows), ["segment"])
    page = draws(law, 1, seed=0)[0]
    first, again = traffic.searches([page, page])
    assert first == again
    other, last = traffic.searches([type(page)(page.query, p, 1) for p in (page.page + 1, 12)])
    assert not {item.item_id for item in first.items} & {item.item_id for item in other.items}
    assert len(last.items) == 8
    assert first.user.keys() == {"segment"}


def test_about_sixty_percent_of_the_pairs_can_hit_after_the_warm_up() -> None:
    """Of 5,000 requests after 10,000, that share asks for a query, page and bucket seen before."""
    drawn = draws(ZipfLaw(), 15_000, seed=0)
    seen = set(drawn[:10_000])
    assert sum(draw in seen for draw in drawn[10_000:]) / 5_000 == pytest.approx(0.6, abs=0.07)


def test_a_catalogue_of_ones_own_is_read_and_named(tmp_path: Path) -> None:
    """Titles are distinct, empty ones left out; the source is the path."""
    path = tmp_path / "titles.csv"
    path.write_text("title,price\nlamp,1\n,2\nlamp,3\ndrill,4\n")
    found = find_catalogue(path)
    assert found.titles == ("lamp", "drill")
    assert found.source == str(path)


@pytest.mark.parametrize("content", ["price\n1\n", "", "title\n\n"])
def test_a_catalogue_without_titles_is_refused(tmp_path: Path, content: str) -> None:
    """A file without a column of titles, or with nothing in it, is named in the error."""
    path = tmp_path / "titles.csv"
    path.write_text(content)
    with pytest.raises(BenchError, match=r"titles\.csv"):
        find_catalogue(path)


def test_without_any_file_words_are_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where neither catalogue nor log exists, there are still thousands of distinct titles."""
    monkeypatch.chdir(tmp_path)
    found = find_catalogue()
    assert found.source == MADE_UP
    assert len(set(found.titles)) == len(found.titles) > 5_000


def test_a_bundle_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    """The sentence names the folder and `make demo`."""
    with pytest.raises(BenchError, match=r"absent.*make demo"):
        open_bundle(tmp_path / "absent")
