"""The peers' own tokenising against the gateway's: the same rows from the same bundle."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from ctr_bench.bound.rows import RowMaker as OurRowMaker
from ctr_bench.bound.rows import open_bundle
from ctr_bench.searches import Search as OurSearch
from ctr_client.messages import Item
from peers.common import RowMaker, search_of
from peers.sync_grpc import search_of_bytes
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

WORDS = (
    *(
        "red",
        "LAMP",
        "12.5",
        "a|b",
        "[SEP]",
        "[CLS]",
        "Zürich",
        "灯",
        "x" * 60,
        "",
        "a\tb",
        "e\u0301",
    ),
    *("10-pack", "don't", "  two", "\u00a0wide", "\x00", "emoji \U0001f600"),
)
NUMBERS = (0.0, -0.0, 9.999, 10.0, 50.0, 1e9, -3.25, 7, 200, 1e-7)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle: buckets, texts, several texts, defaults, and budgets that cut."""
    return make_tiny_bundle(tmp_path_factory.mktemp("peers") / "bundle")


def random_search(draw: random.Random) -> OurSearch:
    """Draw a search whose texts and features meet every rule of the template."""

    def text() -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(0, 6)))

    def some(features: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in features.items() if draw.random() < 0.7}

    items = [
        Item(
            f"i{at}",
            text(),
            features=some(  # type: ignore[arg-type]  # -- values of every kind, drawn
                {
                    "price": draw.choice(NUMBERS),
                    "brand": text(),
                    "tags": tuple(text() for _ in range(draw.randint(0, 3))),
                }
            ),
        )
        for at in range(draw.randint(1, 20))
    ]
    user = some({"segment": text()})
    context = some({"hour": draw.choice(NUMBERS)})
    return OurSearch(text(), items, user, context)  # type: ignore[arg-type]  # -- as above


def test_the_peers_read_the_very_rows_that_the_gateway_reads(bundle: Path) -> None:
    """300 random searches: ids and first lengths are equal, by the wire of ctr.v1."""
    ours, theirs = OurRowMaker(open_bundle(bundle)), RowMaker(bundle)
    draw = random.Random(0)  # noqa: S311 -- a seed for a test
    for _ in range(300):
        search = random_search(draw)
        wanted = [(list(memoryview(r.packed).cast("i")), r.first_length) for r in ours.rows(search)]
        found = theirs.rows(search_of_bytes(search.serialise()))
        assert [(row.ids, row.first_length) for row in found] == wanted


def test_a_search_without_features_gets_the_defaults(bundle: Path) -> None:
    """JSON that names none, and JSON with empty ones, are one search."""
    rows = RowMaker(bundle)
    bare = {"query": "lamp", "candidates": [{"title": "red lamp"}]}
    empty = {
        "query": "lamp",
        "user": {},
        "context": {},
        "candidates": [{"title": "red lamp", "features": {"tags": [], "brand": ""}}],
    }
    assert rows.rows(search_of(bare)) == rows.rows(search_of(empty))


def test_a_number_that_is_not_finite_is_refused(bundle: Path) -> None:
    """It has no bucket and no text."""
    message = {"query": "q", "candidates": [{"title": "t", "features": {"price": float("inf")}}]}
    with pytest.raises(ValueError, match="price must be finite"):
        RowMaker(bundle).rows(search_of(message))
