"""Claims of `ctr_service.batcher.queue`, driven on a manual clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ctr_service.batcher.by_length import LengthPacking
from ctr_service.batcher.by_list import ListPacking
from ctr_service.batcher.lane import QueuedList
from ctr_service.batcher.packing import Price, Slots
from ctr_service.batcher.queue import BULK_SHARE, BatchQueue
from ctr_service.batcher.window import STARTS_WORTH, riding_tokens
from ctr_service.clock import ManualClock
from ctr_service.types import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_service.batcher.formed import FormedBatch
    from ctr_service.batcher.packing import Packing

BUCKETS = (8, 12, 16, 32)
MAX_BATCH_TOKENS = 96
MAX_QUEUED_TOKENS = 600
AGEING_NS = 50
PRIORITIES = st.sampled_from(Priority)
LENGTHS = st.lists(st.integers(1, BUCKETS[-1]), min_size=1, max_size=12)
ONE_SLOT = Slots(1, 1)
FREE = Price(0.0)
BY_LENGTH = LengthPacking(BUCKETS, MAX_BATCH_TOKENS)
BY_LIST = ListPacking(MAX_BATCH_TOKENS)
PACKINGS = pytest.mark.parametrize("packing", [BY_LENGTH, BY_LIST])


def make_queue(
    max_queued_tokens: int = MAX_QUEUED_TOKENS, packing: Packing = BY_LENGTH
) -> BatchQueue[QueuedList]:
    """Return an empty queue of the sizes above."""
    return BatchQueue(
        buckets_tokens=BUCKETS,
        max_batch_tokens=MAX_BATCH_TOKENS,
        max_queued_tokens=max_queued_tokens,
        packing=packing,
        ageing_ns=AGEING_NS,
    )


@dataclass(eq=False)
class Known:
    """What the model knows of one pushed list: which places still wait, and their buckets."""

    entry: QueuedList
    buckets: list[int]
    waiting: set[int] = field(default_factory=set)

    @property
    def urgency(self) -> int:
        """The time from which no newcomer may pass it."""
        return min(self.entry.deadline_ns, self.entry.enqueued_ns + AGEING_NS)


class QueueMachine(RuleBasedStateMachine):
    """Pushes, cancels, expires and forms batches, beside a plain model of what waits."""

    packing: Packing = BY_LENGTH

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.queue = make_queue(packing=self.packing)
        self.lists: list[Known] = []

    def waiting(self, priority: Priority | None = None) -> Iterator[tuple[Known, int]]:
        """Yield what waits, in one lane or in all."""
        for known in self.lists:
            if priority in (None, known.entry.priority):
                yield from ((known, place) for place in known.waiting)

    @rule(lengths=LENGTHS, allowed_ns=st.integers(1, 200), priority=PRIORITIES)
    def push(self, lengths: list[int], allowed_ns: int, priority: Priority) -> None:
        """A list arrives; it is taken whole, or not at all when the bound would be passed."""
        now_ns = self.clock.now_ns()
        entry = QueuedList(now_ns + allowed_ns, now_ns, priority)
        buckets = self.queue.buckets_of(lengths)
        assert all(b >= n for b, n in zip(buckets, lengths, strict=True))
        fits = sum(buckets) <= self.queue.room_tokens
        assert self.queue.push(entry, buckets) is fits
        if fits:
            self.lists.append(Known(entry, buckets, set(range(len(buckets)))))

    @precondition(lambda self: self.lists)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A caller leaves; what waited of it is gone."""
        known = data.draw(st.sampled_from(self.lists))
        assert self.queue.cancel(known.entry) == len(known.waiting)
        known.waiting.clear()

    @rule(delta_ns=st.integers(0, 80))
    def expire(self, delta_ns: int) -> None:
        """Time passes; exactly the lists whose deadline has come are taken out."""
        self.clock.advance_ns(delta_ns)
        now_ns = self.clock.now_ns()
        expired = {id(entry): rows for entry, rows in self.queue.pop_expired(now_ns)}
        due = [k for k in self.lists if k.waiting and k.entry.deadline_ns <= now_ns]
        assert expired == {id(k.entry): len(k.waiting) for k in due}
        for known in due:
            known.waiting.clear()

    @rule(
        slots=st.integers(1, 4).flatmap(
            lambda free: st.builds(Slots, st.integers(free, 6), st.just(free))
        ),
        price=st.builds(Price, st.floats(0, 100), st.floats(0, 0.01)),
    )
    def form(self, slots: Slots, price: Price) -> None:
        """A slot is free; the batch keeps all that is promised of one."""
        self.expire(0)
        anything = any(True for _ in self.waiting())
        batch = self.queue.next_batch(slots, price)
        assert (batch is not None) == anything, "a free slot waits only when nothing else does"
        if batch is not None:
            self.check(batch, price)

    def check(self, batch: FormedBatch[QueuedList], price: Price) -> None:
        """Check a batch against what waited, and strike its rows off."""
        by_entry = {id(known.entry): known for known in self.lists}
        taken = [(by_entry[id(e)], place) for e, places in batch.parts for place in places]
        buckets = [known.buckets[place] for known, place in taken]
        assert batch.rows == len(taken)
        assert batch.bucket_tokens == max(buckets)
        assert batch.queued_tokens == sum(buckets)
        self.check_size(batch, buckets, price)
        (priority,) = {known.entry.priority for known, _ in taken}
        most_urgent = min(known.urgency for known, _ in self.waiting(priority))
        assert any(known.urgency == most_urgent for known, _ in taken), "the seed is the first"
        for known, place in taken:
            known.waiting.remove(place)  # KeyError: handed out twice, or after it had left
        for left, left_place in self.waiting(priority):
            bucket = left.buckets[left_place]
            same = [k.urgency for k, place in taken if k.buckets[place] == bucket]
            assert all(urgency <= left.urgency for urgency in same), "EDF within a bucket"

    def check_size(self, batch: FormedBatch[QueuedList], buckets: list[int], price: Price) -> None:
        """Padding is computed: it counts in the budget, and wastes no more than a start."""
        assert len(buckets) == batch.rows
        assert batch.padded_tokens <= MAX_BATCH_TOKENS
        assert batch.padded_tokens - batch.queued_tokens <= price.start_tokens

    @invariant()
    def counts_agree(self) -> None:
        """The queue's own counts are the model's, and never pass the bound."""
        rows = list(self.waiting())
        assert self.queue.waiting_rows == len(rows)
        assert self.queue.waiting_tokens == sum(k.buckets[place] for k, place in rows)
        assert self.queue.waiting_tokens <= MAX_QUEUED_TOKENS

    def teardown(self) -> None:
        """Drain: whatever was pushed and neither left nor ran comes out exactly once."""
        price = Price(10.0)
        while batch := self.queue.next_batch(ONE_SLOT, price):
            self.check(batch, price)
        assert not list(self.waiting())


class ListMachine(QueueMachine):
    """The same with lists packed one by one, for a graph that skips its padding."""

    packing: Packing = BY_LIST

    def check_size(self, batch: FormedBatch[QueuedList], buckets: list[int], price: Price) -> None:
        """Own tokens count in the budget; attention on padding wastes no more than a start."""
        assert batch.queued_tokens <= MAX_BATCH_TOKENS
        squares = batch.rows * batch.bucket_tokens**2 - sum(bucket**2 for bucket in buckets)
        assert price.square_tokens * squares <= price.start_tokens + 1e-6


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
TestListMachine = ListMachine.TestCase
TestListMachine.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)


@PACKINGS
@given(allowed_ns=st.integers(60, 10_000), step_ns=st.integers(1, 40))
def test_a_patient_list_is_not_passed_for_ever(
    packing: Packing, allowed_ns: int, step_ns: int
) -> None:
    """A list with a far deadline runs within its ageing time though nearer ones keep coming."""
    queue = make_queue(packing=packing)
    patient = QueuedList(allowed_ns, 0, Priority.INTERACTIVE)
    queue.push(patient, [32])
    now_ns = 0
    while patient.places:
        assert now_ns <= AGEING_NS + 2 * step_ns, "passed by a newcomer after it had aged"
        for _ in range(3):  # three full batches come for each one that runs
            if queue.room_tokens >= MAX_BATCH_TOKENS:
                queue.push(QueuedList(now_ns + 55, now_ns, Priority.INTERACTIVE), [32, 32, 32])
        queue.pop_expired(now_ns)
        queue.next_batch(ONE_SLOT, FREE)
        now_ns += step_ns


@PACKINGS
@given(bucket=st.sampled_from(BUCKETS), bulk_bucket=st.sampled_from(BUCKETS))
def test_bulk_gets_its_share_and_no_more(packing: Packing, bucket: int, bulk_bucket: int) -> None:
    """While both wait, bulk gets an eighth of the tokens, within one batch."""
    queue = make_queue(10**6, packing)
    served = dict.fromkeys(Priority, 0)
    for _ in range(300):
        for priority, size in ((Priority.INTERACTIVE, bucket), (Priority.BULK, bulk_bucket)):
            queue.push(QueuedList(10**9, 0, priority), [size] * (MAX_BATCH_TOKENS // size))
        batch = queue.next_batch(ONE_SLOT, FREE)
        assert batch is not None
        served[batch.parts[0][0].priority] += batch.padded_tokens
        due = BULK_SHARE * sum(served.values())
        assert abs(served[Priority.BULK] - due) <= 1.5 * MAX_BATCH_TOKENS


def test_bulk_never_goes_before_interactive_for_having_been_alone() -> None:
    """Bulk that ran while nobody else waited has no claim when an interactive list comes."""
    queue = make_queue(max_queued_tokens=10**6)
    for _ in range(50):
        queue.push(QueuedList(10**9, 0, Priority.BULK), [32] * 3)
    for _ in range(20):
        queue.next_batch(ONE_SLOT, FREE)
    queue.push(QueuedList(10**9, 5, Priority.INTERACTIVE), [32])
    batch = queue.next_batch(ONE_SLOT, FREE)
    assert batch is not None
    assert batch.parts[0][0].priority is Priority.INTERACTIVE


def lanes_of_next(queue: BatchQueue[QueuedList], batches: int) -> list[Priority]:
    """Return the lanes of the next full batches, while interactive lists keep coming."""
    lanes = []
    for _ in range(batches):
        queue.push(QueuedList(10**9, 0, Priority.INTERACTIVE), [32] * 3)
        batch = queue.next_batch(ONE_SLOT, FREE)
        assert batch is not None
        lanes.append(batch.parts[0][0].priority)
    return lanes


def test_bulk_does_not_pay_for_slots_that_nobody_else_wanted() -> None:
    """Bulk that ran alone for long gets its share as soon as interactive lists come."""
    queue = make_queue(max_queued_tokens=10**6)
    for _ in range(60):
        queue.push(QueuedList(10**9, 0, Priority.BULK), [32] * 3)
    for _ in range(40):
        queue.next_batch(ONE_SLOT, FREE)
    assert Priority.BULK in lanes_of_next(queue, 9)


def test_bulk_credit_is_not_saved_for_later() -> None:
    """Credit earned by a bulk list that left gives the next one no earlier turn."""
    queue = make_queue(max_queued_tokens=10**6)
    left = QueuedList(10**9, 0, Priority.BULK)
    queue.push(left, [32])
    assert lanes_of_next(queue, 6) == [Priority.INTERACTIVE] * 6
    queue.cancel(left)
    lanes_of_next(queue, 1)
    queue.push(QueuedList(10**9, 0, Priority.BULK), [32])
    assert lanes_of_next(queue, 6) == [Priority.INTERACTIVE] * 6


@pytest.mark.parametrize("packing", [LengthPacking(BUCKETS, 10_000), ListPacking(10_000)])
@given(lengths=LENGTHS, free_slots=st.integers(1, 4))
def test_one_list_is_split_over_all_free_slots(
    packing: Packing, lengths: list[int], free_slots: int
) -> None:
    """A lone list becomes as many batches as slots are free, each near an even share."""
    queue = BatchQueue[QueuedList](
        buckets_tokens=BUCKETS,
        max_batch_tokens=10_000,
        max_queued_tokens=10_000,
        packing=packing,
    )
    buckets = queue.buckets_of(lengths)
    queue.push(QueuedList(10**9, 0, Priority.INTERACTIVE), buckets)
    share = math.ceil(sum(buckets) / free_slots)
    batches = []
    for free in range(free_slots, 0, -1):
        batch = queue.next_batch(Slots(free_slots, free), Price(1e9))
        if batch is not None:
            batches.append(batch)
    assert queue.waiting_rows == 0, "as many batches as slots hold all"
    assert all(batch.queued_tokens < share + max(buckets) for batch in batches)
    if len(lengths) >= free_slots and len(set(buckets)) == 1:
        rows = [batch.rows for batch in batches]
        assert max(rows) == math.ceil(len(lengths) / free_slots)


@given(
    pushed=st.lists(st.tuples(st.integers(1, 99), LENGTHS), max_size=12),
    deadline_ns=st.integers(1, 120),
)
def test_tokens_before_are_the_more_urgent_lists_and_a_window_of_riders(
    pushed: list[tuple[int, list[int]]], deadline_ns: int
) -> None:
    """What is said to be served before a new list: all with an earlier or equal claim, and more."""
    queue = make_queue(max_queued_tokens=10**6)
    ahead = 0
    for other_ns, lengths in pushed:
        buckets = queue.buckets_of(lengths)
        queue.push(QueuedList(other_ns, 0, Priority.INTERACTIVE), buckets)
        if min(other_ns, AGEING_NS) <= min(deadline_ns, AGEING_NS):
            ahead += sum(buckets)
    riders = riding_tokens(ahead, MAX_BATCH_TOKENS)
    assert queue.tokens_before(Priority.INTERACTIVE, 10, deadline_ns, 0, FREE) == ahead + riders


@PACKINGS
@given(lists=st.lists(LENGTHS, min_size=1, max_size=20), start_tokens=st.floats(0, 8))
def test_a_list_ends_when_it_was_said_to(
    packing: Packing, lists: list[list[int]], start_tokens: float
) -> None:
    """Whatever comes behind it, no more than `tokens_before` and its own are served until its end.

    One batch may be open when it ends, which is why a batch more is allowed.
    """
    queue = make_queue(10**6, packing)
    buckets = queue.buckets_of(lists[0])
    for lengths in lists[1:]:
        queue.push(QueuedList(100, 0, Priority.INTERACTIVE), queue.buckets_of(lengths))
    price = Price(start_tokens)
    before = queue.tokens_before(Priority.INTERACTIVE, sum(buckets), 100, 0, price)
    own = QueuedList(100, 0, Priority.INTERACTIVE)
    queue.push(own, buckets)
    served = 0
    while own.places:
        queue.push(QueuedList(100, 0, Priority.INTERACTIVE), [32, 16, 12, 8])
        batch = queue.next_batch(ONE_SLOT, price)
        assert batch is not None
        served += batch.queued_tokens
    starts_worth = STARTS_WORTH * start_tokens
    assert served <= before + sum(buckets) + MAX_BATCH_TOKENS + starts_worth


def test_each_lane_counts_what_the_other_gets_meanwhile() -> None:
    """A bulk list counts the interactive rows that go first; the other way round, an eighth."""
    queue = make_queue(max_queued_tokens=10**6)
    queue.push(QueuedList(10, 0, Priority.INTERACTIVE), [32] * 10)
    queue.push(QueuedList(10, 0, Priority.BULK), [8] * 10)
    bulk = queue.tokens_before(Priority.BULK, 8, 10, 0, FREE)
    # All of them: seven eighths would be more.
    assert bulk == 80 + 320 + riding_tokens(80 + 320, MAX_BATCH_TOKENS)
    interactive = queue.tokens_before(Priority.INTERACTIVE, 16, 10, 0, FREE)
    before = 320 + (320 + 16) / 7
    assert interactive == before + riding_tokens(before, MAX_BATCH_TOKENS)


def test_rows_of_a_bucket_run_in_the_callers_order() -> None:
    """Within a list and a bucket the first places, the best-ranked, run first."""
    queue = make_queue()
    queue.push(QueuedList(10**9, 0, Priority.INTERACTIVE), [32] * 7)
    batches = [queue.next_batch(ONE_SLOT, FREE) for _ in range(3)]
    places = [batch.parts[0][1] for batch in batches if batch is not None]
    assert places == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_row_beyond_the_largest_bucket_is_refused() -> None:
    """A row longer than every bucket is an error that names both lengths, not a bad batch."""
    with pytest.raises(ValueError, match=r"33 tokens is longer than the largest bucket, 32"):
        make_queue().buckets_of([4, 33])


@pytest.mark.parametrize(
    ("buckets", "budget"), [((), 10), ((8, 8), 10), ((16, 8), 100), ((8, 16), 15)]
)
def test_a_layout_that_cannot_work_is_refused(buckets: tuple[int, ...], budget: int) -> None:
    """Buckets that do not rise, or a budget below the largest, are refused at once."""
    with pytest.raises(ValueError, match="must"):
        BatchQueue[QueuedList](
            buckets_tokens=buckets,
            max_batch_tokens=budget,
            max_queued_tokens=100,
            packing=BY_LENGTH,
        )
