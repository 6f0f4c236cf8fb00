"""Claims of `ctr_service.server.items`: what came before is not decoded again, and is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ctr.v1 import prediction_pb2 as pb
from ctr_service.bundle.template import Renderer
from ctr_service.errors import Reason
from ctr_service.limits import WIRE_LIMITS
from ctr_service.server.envelope import enveloped
from ctr_service.server.item_cache import (
    ENTRY_OVERHEAD_BYTES,
    LOOKS_A_VERDICT,
    TRIED_REQUESTS,
    ItemCache,
)
from ctr_service.server.items import ItemDecoder
from tests.support.tiny_bundle import TINY_SCHEMA, TINY_TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctr_service.types import Candidate

RENDERER = Renderer(TINY_TEMPLATE, TINY_SCHEMA)
LARGE = 1 << 20


def decoder(cache: ItemCache | None) -> ItemDecoder:
    """A decoder of the tiny model."""
    return ItemDecoder(RENDERER, WIRE_LIMITS, cache, by_id=False)


def decode(with_decoder: ItemDecoder, items: Iterable[pb.Candidate]) -> tuple[Candidate, ...]:
    """What it makes of a list."""
    return with_decoder.decode(enveloped(pb.PredictClicksRequest(candidates=items)))


def numbered(numbers: Iterable[int]) -> list[pb.Candidate]:
    """One good item a number."""
    return [pb.Candidate(item_id=f"item {n}", title="mug") for n in numbers]


wire_items = st.builds(
    pb.Candidate,
    item_id=st.sampled_from(["", "a", "b", "c", "i" * 129]),
    title=st.sampled_from(["", "mug", "t" * 1_025]),
    item_version=st.sampled_from(["", "2"]),
    features=st.dictionaries(
        st.sampled_from(["price", "brand", "colour"]),
        st.one_of(
            st.builds(pb.FeatureValue, number=st.sampled_from([3.0, float("nan")])),
            st.builds(pb.FeatureValue, text=st.just("acme")),
        ),
    ),
    prior_score=st.one_of(st.none(), st.sampled_from([0.0, 0.3, 7.0])),
    rank=st.integers(0, 3),
)


@given(
    lists=st.lists(st.lists(wire_items, max_size=6), max_size=6),
    max_bytes=st.sampled_from([0, 3_000, LARGE]),
)
def test_a_cache_changes_no_answer(lists: list[list[pb.Candidate]], max_bytes: int) -> None:
    """Whatever lists came before, broken items and repeated ids among them: the same candidates."""
    cached, plain = decoder(ItemCache(max_bytes)), decoder(None)
    for items in lists:
        assert decode(cached, items) == decode(plain, items)


def test_an_item_that_came_before_is_the_same_object() -> None:
    """It is decoded and rendered once, whatever list it comes in."""
    cache = ItemCache(LARGE)
    first = decode(decoder(cache), numbered([1, 2]))
    again = decode(decoder(cache), numbered([2, 3, 1]))
    assert again[0] is first[1]
    assert again[2] is first[0]
    assert first[0].rendered == RENDERER.item_features({})
    assert (cache.hits, cache.misses) == (2, 3)


def test_a_broken_item_is_told_by_its_own_place() -> None:
    """What is wrong is not kept: it names the place in this list, not in the first one."""
    cache = ItemCache(LARGE)
    broken = pb.Candidate(item_id="x", title="mug", prior_score=2.0)
    for place in (0, 2):
        found = decode(decoder(cache), [*numbered(range(place)), broken])[place]
        assert found.error is not None
        assert found.error.detail.startswith(f"candidates[{place}].prior_score")


def test_a_known_item_that_stands_twice_is_a_duplicate() -> None:
    """The second of two equal items is refused, also when both are known."""
    cache = ItemCache(LARGE)
    items = numbered([1, 2])
    decode(decoder(cache), items)
    *_, twice = decode(decoder(cache), [*items, items[0]])
    assert twice.error is not None
    assert twice.error.reason is Reason.DUPLICATE_ITEM_ID


def test_a_feature_of_the_wrong_type_is_left_to_the_renderer() -> None:
    """Such an item is no error of the wire: it comes through, not rendered."""
    wrong = pb.Candidate(item_id="x", features={"price": pb.FeatureValue(text="cheap")})
    (found,) = decode(decoder(ItemCache(LARGE)), [wrong])
    assert found.error is None
    assert found.rendered is None


def test_traffic_that_never_comes_again_is_looked_up_now_and_then() -> None:
    """Once full of what nobody asked for again, every sixteenth request is looked up."""
    cache = ItemCache(64 * ENTRY_OVERHEAD_BYTES)
    reader = decoder(cache)
    a_list = 64
    for n in range(2 * LOOKS_A_VERDICT // a_list):
        decode(reader, numbered(range(a_list * n, a_list * (n + 1))))
    looked = cache.misses
    for n in range(4 * TRIED_REQUESTS):
        decode(reader, numbered(range(-a_list * (n + 1), -a_list * n)))
    assert cache.misses - looked == 4 * a_list


def test_a_cache_that_helps_again_is_asked_again() -> None:
    """When the same few items come again and again, each request is looked up once more."""
    cache = ItemCache(64 * ENTRY_OVERHEAD_BYTES)
    reader = decoder(cache)
    decode(reader, numbered(range(2 * LOOKS_A_VERDICT)))
    few = numbered(range(8))
    for _ in range(TRIED_REQUESTS * (2 + LOOKS_A_VERDICT // len(few))):
        decode(reader, few)
    found = cache.hits
    for _ in range(TRIED_REQUESTS):
        decode(reader, few)
    assert cache.hits - found == TRIED_REQUESTS * len(few)
