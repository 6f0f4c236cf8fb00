"""Claims of `ctr_service.batcher.by_list`: lists of a graph that skips its padding."""

from __future__ import annotations

import math
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from ctr_service.batcher.by_list import (
    DEPTH_STARTS,
    ENOUGH,
    STARTS_WORTH,
    ListPacking,
    _Filling,
)
from ctr_service.batcher.lane import Lane, QueuedList
from ctr_service.batcher.packing import Price, Slots
from ctr_service.batcher.window import DEEP
from ctr_service.types import Priority

CHEAP = Price(start_tokens=1.0)
BUDGET = 1_000
FAR_NS = 10**12


def lane_of(*lists: list[int]) -> tuple[Lane[QueuedList], list[QueuedList]]:
    """Return a lane that holds lists of rows of these buckets, the first one most urgent."""
    lane: Lane[QueuedList] = Lane(FAR_NS)
    entries = [QueuedList(1_000 + at, 0, Priority.INTERACTIVE) for at in range(len(lists))]
    for entry, buckets in zip(entries, lists, strict=True):
        lane.push(entry, buckets)
    return lane, entries


def test_a_list_is_halved_for_two_slots_though_one_is_busy() -> None:
    """The slot that frees later takes the other half: neither waits for the whole list."""
    lane, (entry,) = lane_of([20] * 16)
    packing = ListPacking(BUDGET)
    first = packing.fill(lane, Slots(2, 1), CHEAP)
    second = packing.fill(lane, Slots(2, 1), CHEAP)
    assert first.parts == ((entry, list(range(8))),)
    assert second.parts == ((entry, list(range(8, 16))),)


def test_a_budget_below_a_lists_share_leaves_no_row_alone() -> None:
    """Rows of 440 tokens on two slots at 208 a batch: four parts, not two full ones and a rest."""
    lane, (entry,) = lane_of([24, 30, 32, 24, 30, 26, 28, 26] * 2)
    packing = ListPacking(208)
    taken = []
    while len(lane):
        taken.append(packing.fill(lane, Slots(2, 1), CHEAP).queued_tokens)
    assert entry.whole_tokens == sum(taken) == 440
    assert len(taken) == 4
    assert min(taken) > 440 / 4 / 2


@given(
    st.lists(st.integers(4, 23).map(lambda half: 2 * half), min_size=1, max_size=64),
    st.integers(1, 4),
    st.integers(60, 500),
)
def test_a_list_is_cut_into_no_more_parts_than_slots_and_budget_ask_for(
    buckets: list[int], slots: int, budget: int
) -> None:
    """Each part is a start: never more of them than the even cut, nor one over the budget."""
    lane, (entry,) = lane_of(buckets)
    room = budget - max(buckets)
    even = slots * math.ceil(entry.whole_tokens / slots / room)
    parts = 0
    while len(lane):
        batch = ListPacking(budget).fill(lane, Slots(slots, 1), Price(start_tokens=0.01))
        assert batch.queued_tokens <= budget
        parts += 1
    assert parts <= even


@given(
    st.lists(
        st.lists(st.integers(2, 20).map(lambda half: 2 * half), min_size=1, max_size=24),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 3),
    st.integers(60, 900),
    st.sampled_from([(1.0, 0.0), (40.0, 0.0), (20.0, 0.002), (60.0, 0.01)]),
)
def test_a_list_taken_whole_is_the_list_taken_row_by_row(
    lists: list[list[int]], slots: int, budget: int, costs: tuple[float, float]
) -> None:
    """The short way is only faster: the same batches to the end, and the lane counts alike."""

    def drain() -> list[object]:
        lane, entries = lane_of(*lists)
        told: list[object] = []
        while len(lane):
            batch = ListPacking(budget).fill(lane, Slots(slots, 1), Price(*costs))
            parts = [(entries.index(entry), places) for entry, places in batch.parts]
            told += [parts, batch.bucket_tokens, batch.queued_tokens]
            told += [lane.waiting_rows, lane.waiting_tokens]
        return told

    short_way = drain()
    with mock.patch.object(_Filling, "has_room_for", return_value=False):
        assert drain() == short_way


def test_lists_are_not_mixed_where_a_start_is_cheap() -> None:
    """The less urgent list's rows would only delay the more urgent one's end."""
    lane, (urgent, other) = lane_of([20] * 8, [20] * 8)
    parts = [ListPacking(BUDGET).fill(lane, Slots(1, 1), CHEAP).parts for _ in range(2)]
    assert parts == [((urgent, list(range(8))),), ((other, list(range(8))),)]


def test_a_lists_rest_is_not_filled_up_from_the_next() -> None:
    """It holds more than half of the target: one row of another would only make it end later."""
    lane, (urgent, _) = lane_of([20] * 7, [20] * 7)
    parts = [ListPacking(BUDGET).fill(lane, Slots(2, 1), CHEAP).parts for _ in range(2)]
    assert parts == [((urgent, [0, 1, 2, 3]),), ((urgent, [4, 5, 6]),)]


def test_small_lists_share_a_costly_start() -> None:
    """Lists of one row each run together until four starts' worth of tokens are in."""
    lane, entries = lane_of(*[[20]] * 30)
    batch = ListPacking(BUDGET).fill(lane, Slots(2, 1), Price(start_tokens=20.0))
    assert batch.queued_tokens >= max(STARTS_WORTH * 20, math.sqrt(DEPTH_STARTS * 20 * 600)) / 2
    assert [entry for entry, _ in batch.parts] == entries[: batch.rows]


def test_one_list_is_split_though_starts_cost() -> None:
    """Where it alone waits its caller does, so a slot that frees soon must find its share."""
    lane, (entry,) = lane_of([26] * 16)
    batch = ListPacking(BUDGET).fill(lane, Slots(2, 1), Price(start_tokens=50.0))
    assert batch.parts == ((entry, list(range(8))),)


def test_rows_of_any_length_share_a_batch() -> None:
    """Longest first, in one run, where attention's padding costs less than another start."""
    lane, (entry,) = lane_of([10, 45, 20, 30])
    batch = ListPacking(BUDGET).fill(lane, Slots(1, 1), Price(20.0, square_tokens=0.001))
    assert batch.parts == ((entry, [1, 3, 2, 0]),)
    assert batch.bucket_tokens == 45


def test_a_row_that_makes_attention_dear_waits_for_its_like() -> None:
    """Beside a row of 500 tokens attention on short ones costs more than their own start."""
    lane, (entry,) = lane_of([500, *[10] * 20])
    packing = ListPacking(BUDGET)
    price = Price(20.0, square_tokens=0.002)
    assert packing.fill(lane, Slots(1, 1), price).parts == ((entry, [0]),)
    assert packing.fill(lane, Slots(1, 1), price).rows == 20


def test_a_deep_queue_gets_larger_batches_where_starts_are_dear() -> None:
    """Four times the depth, twice the batch: what starts cost is shared by more rows."""
    price = Price(start_tokens=45.0)
    for lists, target in ((41, 1_039.2), (161, 2_078.4)):
        lane, _ = lane_of(*[[20] * 10] * lists)
        batch = ListPacking(10_000).fill(lane, Slots(2, 1), price)
        assert ENOUGH * target <= batch.queued_tokens <= target + 20


def test_a_deep_queue_of_cheap_starts_is_served_list_by_list() -> None:
    """Eight lists deep a start of one token is no reason to let the most urgent list wait."""
    lane, (first, *_) = lane_of(*[[20] * 16] * 8)
    batch = ListPacking(10_000).fill(lane, Slots(2, 1), CHEAP)
    assert batch.parts == ((first, list(range(8))),)


def deep_lane(buckets: list[int], lists: int) -> tuple[Lane[QueuedList], list[QueuedList]]:
    """Return a lane of like lists, each of which met a deep queue; those they met are served."""
    lane, entries = lane_of(*[buckets] * (DEEP + lists))
    for entry in entries[:DEEP]:
        lane.remove(entry)
    return lane, entries[DEEP:]


def test_a_deep_queue_is_packed_by_length_from_a_few_lists() -> None:
    """Batches are of like lengths and hold the most urgent list's rows; it ends with the fourth."""
    lane, entries = deep_lane([10, 20, 30, 40] * 4, 12)
    packing, price = ListPacking(BUDGET), Price(1.0, square_tokens=0.001)
    batches = [packing.fill(lane, Slots(1, 1), price) for _ in range(4)]
    for batch, buckets in zip(batches, ({40}, {30}, {20}, {10}), strict=True):
        rows = [[10, 20, 30, 40][place % 4] for _, places in batch.parts for place in places]
        assert set(rows) == buckets
        assert batch.parts[0][0] is entries[0]
    assert [entry for entry, _ in batches[0].parts] == entries[:3]
    assert not entries[0].places


def test_a_queue_that_became_deep_behind_a_list_does_not_delay_it() -> None:
    """It was admitted when less waited and counts on no riders: its rows run alone, as ever."""
    lane, entries = deep_lane([10, 20, 30, 40] * 4, 12)
    entries[0].rider_tokens = 0.0
    batch = ListPacking(400).fill(lane, Slots(1, 1), CHEAP)
    assert [entry for entry, _ in batch.parts] == entries[:1]


@given(
    st.lists(st.integers(4, 23).map(lambda half: 2 * half), min_size=4, max_size=24),
    st.integers(0, 12),
    st.sampled_from([Price(0.0), Price(8.0, 0.0014), Price(45.0)]),
)
def test_a_deep_queue_is_emptied_in_batches_within_the_budget(
    buckets: list[int], lists: int, price: Price
) -> None:
    """Each holds a row of the most urgent list, so none waits for ever."""
    lane, _ = deep_lane(buckets, DEEP + lists)
    while len(lane):
        (first,) = lane.most_urgent(1)
        batch = ListPacking(200).fill(lane, Slots(2, 1), price)
        assert first in [entry for entry, _ in batch.parts]
        assert batch.queued_tokens <= 200
        assert batch.bucket_tokens <= max(buckets)


def test_a_few_long_lists_that_are_left_of_a_deep_queue_are_not_mixed() -> None:
    """They are as many batches, but fewer lists: the first would wait for the others' long rows."""
    lane, entries = deep_lane([40, 40, *[10] * 150], DEEP - 1)
    batch = ListPacking(400).fill(lane, Slots(1, 1), CHEAP)
    assert [entry for entry, _ in batch.parts] == entries[:1]


def test_admission_counts_on_riders_where_the_queue_is_deep() -> None:
    """A quarter of what waits, two batches at most; a list that meets seven others on none."""
    packing = ListPacking(400)
    alone = packing.riding_tokens(Lane(FAR_NS), 5_000, CHEAP)
    for lists, tokens, riders in ((DEEP - 1, 800, 0), (DEEP, 20, 40), (DEEP, 1_000, 800)):
        lane, _ = lane_of(*[[tokens]] * lists)
        assert packing.riding_tokens(lane, 5_000, CHEAP) == alone + riders


def test_a_list_rides_by_what_it_met_when_it_came() -> None:
    """The ninth list and those behind it may wait for a quarter of what waits."""
    _, entries = lane_of(*[[20] * 4] * (DEEP + 2))
    assert [entry.rider_tokens for entry in entries] == [0.0] * DEEP + [160.0, 180.0]


@given(st.floats(0, 1e5), st.floats(0.1, 100), st.integers(50, 5_000))
def test_admission_counts_on_no_more_riders_than_a_batch_holds(
    waiting: float, start: float, budget: int
) -> None:
    """Nor on more than wait; more of them where a start is dearer."""
    packing = ListPacking(budget)
    riding = packing.riding_tokens(Lane(FAR_NS), waiting, Price(start))
    assert 0 <= riding <= min(waiting, budget)
    assert riding <= packing.riding_tokens(Lane(FAR_NS), waiting, Price(2 * start))


def test_riders_grow_with_the_root_of_the_queue() -> None:
    """As batches do, up to the budget."""
    packing, price = ListPacking(600), Price(start_tokens=12.0)
    riding = [
        packing.riding_tokens(Lane(FAR_NS), waiting, price) for waiting in (100, 400, 1_600, 40_000)
    ]
    assert riding == [60, 120, 240, 600]
