"""Claims of `ctr_service.batcher.batcher`, with a backend that follows a script."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.backend.base import INPUT_IDS, Cost, Outputs
from ctr_service.backend.scripted import ScriptedBackend, ScriptedRun
from ctr_service.batcher.admission import MIN_RETRY_NS
from ctr_service.batcher.cost import CostModel
from ctr_service.batcher.observer import DropCause
from ctr_service.clock import ManualClock
from ctr_service.errors import (
    BackendFailedError,
    DeadlineExceededError,
    NotServingError,
    OverloadedError,
    Reason,
)
from ctr_service.types import Priority
from tests.support.batching import MAX_BATCH_TOKENS, Recorder, expected_logits, make_batcher
from tests.support.rows import FAILING_ID, POISON_ID, make_row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from ctr_service.backend.scripted import Script
    from ctr_service.batcher.batcher import Batcher
    from ctr_service.batcher.call import RowOutcome
    from ctr_service.types import Row

FAR_NS = 3_600 * 10**9
MS = 1_000_000
POISON = frozenset({POISON_ID})
FAILING = frozenset({FAILING_ID})


class Gate:
    """A script in which every run waits until the test lets it through."""

    def __init__(self) -> None:
        self.runs: list[ScriptedRun] = []
        self._open: list[asyncio.Event] = []
        self._began = asyncio.Condition()

    async def __call__(self, run: ScriptedRun) -> None:
        """Hold the run."""
        gate = asyncio.Event()
        self.runs.append(run)
        self._open.append(gate)
        async with self._began:
            self._began.notify_all()
        await gate.wait()

    def let_through(self, index: int) -> None:
        """Let the run that began as number `index` end."""
        self._open[index].set()

    async def began(self, runs: int) -> None:
        """Return once `runs` runs have begun."""
        async with self._began:
            await self._began.wait_for(lambda: len(self.runs) >= runs)


def rows_of(count: int, length: int = 16, seed: int = 0) -> list[Row]:
    """Return random rows of one length."""
    rng = np.random.default_rng(seed)
    return [make_row(rng, length) for _ in range(count)]


async def settle() -> None:
    """Let everything that can go on without time passing go on."""
    for _ in range(20):
        await asyncio.sleep(0)


def scripted(
    script: Script | None = None, *, slots: int = 2, clock: ManualClock | None = None
) -> ScriptedBackend:
    """Return a scripted backend with a poison and a failing token."""
    return ScriptedBackend(
        slots=slots,
        clock=clock or ManualClock(),
        script=script,
        poison_ids=POISON,
        failing_ids=FAILING,
    )


def begin(
    batcher: Batcher,
    rows: Sequence[Row],
    deadline_ns: int = FAR_NS,
    priority: Priority = Priority.INTERACTIVE,
) -> asyncio.Task[list[RowOutcome]]:
    """Score in the background."""
    return asyncio.create_task(batcher.score(rows, deadline_ns=deadline_ns, priority=priority))


def logits(outcomes: Sequence[RowOutcome]) -> list[float | None]:
    """Return the logits of outcomes."""
    return [outcome.logit for outcome in outcomes]


async def test_each_row_gets_its_own_logit_in_order() -> None:
    """Fifty rows of mixed lengths over two slots and several batches come back in order."""
    rng = np.random.default_rng(1)
    rows = [make_row(rng, int(rng.integers(1, 33))) for _ in range(50)]
    batcher = make_batcher(scripted(), ManualClock())
    await batcher.start()
    outcomes = await begin(batcher, rows)
    assert logits(outcomes) == pytest.approx(expected_logits(rows))
    assert all(outcome.error is None for outcome in outcomes)
    assert await begin(batcher, []) == []
    await batcher.close()


async def test_it_serves_between_start_and_close_only() -> None:
    """Before start and after close a list is refused as not serving; close may be repeated."""
    batcher = make_batcher(scripted(), ManualClock())
    with pytest.raises(NotServingError):
        await begin(batcher, rows_of(1))
    await batcher.start()
    await begin(batcher, rows_of(1))
    await batcher.close()
    await batcher.close()
    with pytest.raises(NotServingError):
        await begin(batcher, rows_of(1))


async def test_a_lone_list_uses_every_slot() -> None:
    """Nine rows on three free slots become three batches of three, running at once."""
    gate = Gate()
    batcher = make_batcher(scripted(gate, slots=3), ManualClock())
    await batcher.start()
    call = begin(batcher, rows_of(9, length=12))
    await gate.began(3)
    assert [run.rows for run in gate.runs] == [3, 3, 3]
    for index in range(3):
        gate.let_through(index)
    await call
    await batcher.close()


async def test_a_freed_slot_takes_the_next_batch_at_once() -> None:
    """While rows wait, the end of a run is the begin of the next, whoever else still runs."""
    gate = Gate()
    batcher = make_batcher(scripted(gate), ManualClock())
    await batcher.start()
    call = begin(batcher, rows_of(20, length=32))  # four a batch: five batches
    await gate.began(2)
    for number in range(2, 5):
        gate.let_through(number - 1)  # the first run still hangs
        await gate.began(number + 1)
    gate.let_through(4)
    gate.let_through(0)
    assert logits(await call) == pytest.approx(expected_logits(rows_of(20, length=32)))
    await batcher.close()


async def test_the_earliest_deadline_goes_first_and_bulk_last() -> None:
    """Lists that wait are served by deadline; a bulk list waits for the interactive ones."""
    gate = Gate()
    batcher = make_batcher(scripted(gate, slots=1), ManualClock())
    await batcher.start()
    first = begin(batcher, rows_of(1, length=8))
    await gate.began(1)
    bulk = begin(batcher, rows_of(1, length=9, seed=1), 10**6, Priority.BULK)
    late = begin(batcher, rows_of(1, length=13, seed=2), 9 * 10**8)
    soon = begin(batcher, rows_of(1, length=17, seed=3), 8 * 10**8)
    await settle()
    for index in range(4):
        gate.let_through(index)
        await settle()
    assert [run.bucket_tokens for run in gate.runs] == [8, 32, 16, 12]
    await asyncio.gather(first, bulk, late, soon)
    await batcher.close()


async def test_a_cancelled_list_leaves_the_queue_and_harms_nobody() -> None:
    """Its waiting rows never run, its running rows end unheard, its batch-mates get theirs."""
    gate, recorder = Gate(), Recorder()
    backend = scripted(gate, slots=1)
    batcher = make_batcher(backend, ManualClock(), observer=recorder)
    await batcher.start()
    blocker = begin(batcher, rows_of(1, length=8))
    await gate.began(1)
    # Four rows of 32 tokens fill a batch, which is prepared ahead; what is left does not.
    leaver = begin(batcher, rows_of(6, length=32, seed=1), 10**6)
    stayer_rows = rows_of(1, length=32, seed=2)
    stayer = begin(batcher, stayer_rows, 10**7)
    await settle()
    gate.let_through(0)
    await gate.began(2)
    leaver.cancel()
    await settle()
    assert leaver.cancelled()
    assert recorder.dropped_rows == {DropCause.CANCELLED: 2}
    assert recorder.load[:2] == (1, 32)
    gate.let_through(1)
    await gate.began(3)
    assert gate.runs[2].rows == 1, "only the row of the list that stayed"
    gate.let_through(2)
    assert logits(await stayer) == pytest.approx(expected_logits(stayer_rows))
    await blocker
    assert backend.runs == 3
    await batcher.close()


@pytest.mark.parametrize(("waiting", "running"), [(3, 1), (4, 2)])
async def test_one_batch_is_prepared_ahead_when_it_is_full(waiting: int, running: int) -> None:
    """Four rows of 32 fill the budget and lie ready before the slot is free; three wait."""
    gate, recorder = Gate(), Recorder()
    backend = scripted(gate, slots=1)
    batcher = make_batcher(backend, ManualClock(), observer=recorder)
    await batcher.start()
    calls = [begin(batcher, rows_of(1, length=32))]
    await gate.began(1)
    calls.append(begin(batcher, rows_of(waiting, length=32, seed=1)))
    await settle()
    left = waiting if running == 1 else 0
    assert recorder.load == (left, 32 * left, running)
    assert backend.running == 1
    gate.let_through(0)
    await gate.began(2)
    gate.let_through(1)
    await asyncio.gather(*calls)
    assert [report.rows for report in recorder.reports] == [1, waiting]
    await batcher.close()


async def test_a_run_that_hangs_does_not_hold_the_waiter() -> None:
    """At its deadline the waiter gets what is there; the slot serves again when the run ends."""
    gate, clock = Gate(), ManualClock()
    batcher = make_batcher(scripted(gate, clock=clock), clock)
    await batcher.start()
    rows = rows_of(4, length=32)
    call = begin(batcher, rows, 5 * MS)
    await gate.began(2)
    gate.let_through(1)
    await settle()
    assert not call.done(), "its other half may still come"
    clock.advance_ns(5 * MS)
    outcomes = await call
    assert [type(outcome.error) for outcome in outcomes[:2]] == [DeadlineExceededError] * 2
    assert logits(outcomes)[2:] == pytest.approx(expected_logits(rows)[2:])
    gate.let_through(0)  # the late result finds nobody
    await settle()
    following = begin(batcher, rows)
    await gate.began(4)
    gate.let_through(2)
    gate.let_through(3)
    assert logits(await following) == pytest.approx(expected_logits(rows))
    await batcher.close()


async def test_a_timer_that_fires_early_answers_nobody() -> None:
    """The injected clock says when the deadline is; real time that passes before is nothing."""
    gate, clock = Gate(), ManualClock()
    batcher = make_batcher(scripted(gate, clock=clock), clock)
    await batcher.start()
    call = begin(batcher, rows_of(1), 1 * MS)
    done, _ = await asyncio.wait({call}, timeout=0.02)
    assert not done
    gate.let_through(0)
    assert logits(await call) == pytest.approx(expected_logits(rows_of(1)))
    await batcher.close()


async def test_rows_that_expire_in_the_queue_never_run() -> None:
    """A list whose deadline comes while it waits is answered as late, and costs no run."""
    gate, clock, recorder = Gate(), ManualClock(), Recorder()
    backend = scripted(gate, slots=1, clock=clock)
    batcher = make_batcher(backend, clock, observer=recorder)
    await batcher.start()
    blocker = begin(batcher, rows_of(1))
    await gate.began(1)
    waiting = begin(batcher, rows_of(3, seed=1), FAR_NS - 1)
    await settle()
    clock.advance_ns(FAR_NS - 1)
    gate.let_through(0)
    outcomes = await waiting
    assert all(isinstance(outcome.error, DeadlineExceededError) for outcome in outcomes)
    assert recorder.dropped_rows == {DropCause.EXPIRED: 3}
    assert (await blocker)[0].logit is not None
    assert backend.runs == 1
    await batcher.close()


async def test_waiting_rows_are_answered_at_the_deadline_though_nothing_else_happens() -> None:
    """With every slot hanging, a timer answers the list that waits and empties the queue."""
    gate, clock, recorder = Gate(), ManualClock(), Recorder()
    batcher = make_batcher(scripted(gate, slots=1, clock=clock), clock, observer=recorder)
    await batcher.start()
    hanging = begin(batcher, rows_of(1))
    await gate.began(1)
    late = begin(batcher, rows_of(2), 5 * MS)
    await settle()
    clock.advance_ns(5 * MS)
    outcomes = await late
    assert all(isinstance(outcome.error, DeadlineExceededError) for outcome in outcomes)
    assert recorder.dropped_rows == {DropCause.EXPIRED: 2}
    assert recorder.load[0] == 0
    gate.let_through(0)
    await hanging
    await batcher.close()


async def test_a_deadline_in_the_past_is_answered_at_once() -> None:
    """Nothing is queued for it."""
    backend, clock, recorder = scripted(), ManualClock(now_ns=100), Recorder()
    batcher = make_batcher(backend, clock, observer=recorder)
    await batcher.start()
    outcomes = await begin(batcher, rows_of(2), deadline_ns=100)
    assert [type(outcome.error) for outcome in outcomes] == [DeadlineExceededError] * 2
    assert backend.runs == 0
    assert not recorder.admitted_rows
    await batcher.close()


async def test_a_poisoned_row_fails_alone() -> None:
    """One row fails its whole batch; alone it fails again, and every batch-mate is scored."""
    recorder = Recorder()
    batcher = make_batcher(scripted(slots=1), ManualClock(), observer=recorder)
    await batcher.start()
    rng = np.random.default_rng(2)
    good = rows_of(7)
    bad = make_row(rng, 16, holds=POISON_ID)
    outcomes = await begin(batcher, [*good[:4], bad, *good[4:]])
    assert isinstance(outcomes[4].error, BackendFailedError)
    assert logits(outcomes[:4] + outcomes[5:]) == pytest.approx(expected_logits(good))
    assert [report.rows for report in recorder.reports] == [8] + [1] * 8
    assert [report.retry for report in recorder.reports] == [False] + [True] * 8
    assert [report.failed_rows for report in recorder.reports] == [8, 0, 0, 0, 0, 1, 0, 0, 0]
    await batcher.close()


async def test_a_row_that_the_backend_names_fails_alone() -> None:
    """A row without a finite number is that row's error; nothing runs again."""
    backend = scripted(slots=1)
    batcher = make_batcher(backend, ManualClock())
    await batcher.start()
    bad = make_row(np.random.default_rng(2), 16, holds=FAILING_ID)
    outcomes = await begin(batcher, [bad, *rows_of(3)])
    assert isinstance(outcomes[0].error, BackendFailedError)
    assert outcomes[0].logit is None
    assert logits(outcomes[1:]) == pytest.approx(expected_logits(rows_of(3)))
    assert backend.runs == 1
    await batcher.close()


async def test_a_backend_that_is_down_is_not_asked_row_by_row() -> None:
    """When a batch fails and the backend is not ready, its rows fail without a run each."""

    class Down(ScriptedBackend):
        async def ready(self) -> bool:
            return False

    async def fail(_: ScriptedRun) -> None:
        raise BackendFailedError("scripted")

    clock = ManualClock()
    backend = Down(slots=2, clock=clock, script=fail)
    batcher = make_batcher(backend, clock)
    await batcher.start()
    outcomes = await begin(batcher, rows_of(8))
    assert {type(outcome.error) for outcome in outcomes} == {BackendFailedError}
    assert backend.runs == 2, "one for each slot's half"
    await batcher.close()


async def test_rows_run_alone_only_until_their_deadline() -> None:
    """Once the deadline has come, what is left of a failed batch is late, not tried."""
    clock = ManualClock()

    async def slow_failure(run: ScriptedRun) -> None:
        if run.number == 3:
            clock.advance_ns(FAR_NS)
        if run.rows > 1:
            raise BackendFailedError("scripted")

    backend = ScriptedBackend(slots=1, clock=clock, script=slow_failure)
    batcher = make_batcher(backend, clock)
    await batcher.start()
    outcomes = await begin(batcher, rows_of(5))
    kinds = [None if outcome.error is None else outcome.error.reason for outcome in outcomes]
    assert kinds == [None, None, *[Reason.DEADLINE_EXCEEDED] * 3]
    assert backend.runs == 3
    await batcher.close()


async def test_a_list_that_left_is_not_run_alone() -> None:
    """The rows of a caller who has gone are skipped when a failed batch is taken apart."""
    gate = Gate()
    backend = scripted(gate, slots=1)
    batcher = make_batcher(backend, ManualClock())
    await batcher.start()
    bad = make_row(np.random.default_rng(2), 16, holds=POISON_ID)
    leaver = begin(batcher, [bad, *rows_of(3)])
    await gate.began(1)
    leaver.cancel()
    gate.let_through(0)
    await settle()
    assert backend.runs == 1
    await batcher.close()


async def test_a_defect_frees_the_slot_and_is_reported() -> None:
    """An exception that no contract knows fails the batch, is reported, and the slot serves on."""
    heard: list[BaseException] = []

    async def defect(run: ScriptedRun) -> None:
        if run.number == 1:
            raise ZeroDivisionError

    batcher = make_batcher(scripted(defect, slots=1), ManualClock())
    await batcher.start()
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: heard.append(context["exception"])
    )
    outcomes = await begin(batcher, rows_of(2))
    assert {type(outcome.error) for outcome in outcomes} == {BackendFailedError}
    await settle()
    assert [type(error) for error in heard] == [ZeroDivisionError]
    assert logits(await begin(batcher, rows_of(2))) == pytest.approx(expected_logits(rows_of(2)))
    await batcher.close()


async def test_logits_of_a_wrong_shape_are_a_failure() -> None:
    """A backend that answers for another number of rows cannot mix rows up: all of them fail."""

    class OneRowShort(ScriptedBackend):
        async def run(
            self, graph: str, tensors: Mapping[str, NDArray[np.generic]], deadline_ns: int
        ) -> Outputs:
            outputs = await super().run(graph, tensors, deadline_ns)
            short = {name: tensor[:-1] for name, tensor in outputs.tensors.items()}
            return Outputs(short, outputs.compute_ns)

    clock, recorder = ManualClock(), Recorder()
    batcher = make_batcher(OneRowShort(slots=1, clock=clock), clock, observer=recorder)
    await batcher.start()
    outcomes = await begin(batcher, rows_of(3))
    assert {type(outcome.error) for outcome in outcomes} == {BackendFailedError}
    assert [report.rows for report in recorder.reports] == [3, 1, 1, 1], "each is tried alone"
    await batcher.close()


async def test_a_full_queue_refuses_before_it_queues() -> None:
    """Beyond the bound a list is refused at once, with a time to come back; others go on."""
    gate, recorder = Gate(), Recorder()
    batcher = make_batcher(
        scripted(gate, slots=1), ManualClock(), observer=recorder, max_queued_tokens=64
    )
    await batcher.start()
    running = begin(batcher, rows_of(1))
    await gate.began(1)
    queued = begin(batcher, rows_of(4))
    await settle()
    with pytest.raises(OverloadedError) as refused:
        await begin(batcher, rows_of(1), priority=Priority.BULK)
    assert refused.value.retry_after_ns >= MIN_RETRY_NS
    assert refused.value.metadata["field"] == "queue"
    assert recorder.refused_rows == {Priority.BULK: 1}
    assert recorder.admitted_rows == {Priority.INTERACTIVE: 5}
    gate.let_through(0)
    await gate.began(2)
    gate.let_through(1)
    await asyncio.gather(running, queued)
    await batcher.close()


async def test_a_list_that_cannot_finish_is_refused_with_a_time_to_come_back() -> None:
    """With a second of work running, a list that has 100 ms is refused; one with 5 s is not."""
    gate = Gate()
    cost = CostModel([Cost(bucket, 8, bucket * 8 * 10e-3) for bucket in (8, 16, 32)])
    batcher = make_batcher(scripted(gate, slots=1), ManualClock(), cost=cost)
    await batcher.start()
    running = begin(batcher, rows_of(6, length=16))  # 0.96 s
    await gate.began(1)
    with pytest.raises(OverloadedError) as refused:
        await begin(batcher, rows_of(1, length=8), 120 * MS)
    assert 800 * MS < refused.value.retry_after_ns < 1_000 * MS
    patient = begin(batcher, rows_of(1, length=8), 5_000 * MS)
    await settle()
    gate.let_through(0)
    await gate.began(2)
    gate.let_through(1)
    await asyncio.gather(running, patient)
    await batcher.close()


async def test_a_list_too_long_for_its_deadline_keeps_its_first_rows() -> None:
    """What no idle server could finish is shed at once; the best-ranked rows are scored."""
    cost = CostModel([Cost(bucket, 8, bucket * 8 * 1e-3) for bucket in (8, 16, 32)])
    batcher = make_batcher(scripted(), ManualClock(), cost=cost)
    await batcher.start()
    rows = rows_of(100, length=16)  # 0.8 s on two slots
    outcomes = await begin(batcher, rows, 240 * MS)
    kept = 30  # 0.24 s of two slots
    assert logits(outcomes[:kept]) == pytest.approx(expected_logits(rows[:kept]))
    assert {type(outcome.error) for outcome in outcomes[kept:]} == {OverloadedError}
    assert len(outcomes) == len(rows)
    await batcher.close()


async def test_close_answers_all_that_was_admitted() -> None:
    """Close refuses newcomers, and returns when every admitted list has its answer."""
    gate = Gate()
    batcher = make_batcher(scripted(gate, slots=1), ManualClock())
    await batcher.start()
    rows = rows_of(8, length=32)
    call = begin(batcher, rows)
    await gate.began(1)
    closing = asyncio.create_task(batcher.close())
    await settle()
    with pytest.raises(NotServingError):
        await begin(batcher, rows)
    assert not closing.done()
    gate.let_through(0)
    await gate.began(2)
    gate.let_through(1)
    assert logits(await call) == pytest.approx(expected_logits(rows))
    await closing


async def test_close_does_not_wait_for_a_run_that_hangs_past_every_deadline() -> None:
    """Once the last waiter has its answer, close is done, and no task is left behind."""
    gate, clock = Gate(), ManualClock()
    batcher = make_batcher(scripted(gate, slots=1, clock=clock), clock)
    await batcher.start()
    call = begin(batcher, rows_of(1), 5 * MS)
    await gate.began(1)
    clock.advance_ns(5 * MS)
    await batcher.close()
    assert isinstance((await call)[0].error, DeadlineExceededError)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_report_of_a_batch_says_what_ran() -> None:
    """Rows, bucket, unpadded tokens, lists, waits and times are those of the batch."""
    gate, clock, recorder = Gate(), ManualClock(), Recorder()
    cost = CostModel([Cost(16, 8, 0.128), Cost(8, 1, 0.018)])  # a start costs ten tokens
    batcher = make_batcher(
        scripted(gate, slots=1, clock=clock), clock, observer=recorder, cost=cost
    )
    await batcher.start()
    first = begin(batcher, rows_of(1))
    await gate.began(1)
    clock.advance_ns(5)
    rng = np.random.default_rng(3)
    one = begin(batcher, [make_row(rng, 14), make_row(rng, 10)])
    await settle()
    clock.advance_ns(3)
    two = begin(batcher, [make_row(rng, 16)])
    await settle()
    assert recorder.load == (3, 16 + 12 + 16, 1)
    clock.advance_ns(20)
    gate.let_through(0)
    await gate.began(2)
    assert gate.runs[1].tensors[INPUT_IDS].shape == (3, 16)
    clock.advance_ns(7)
    gate.let_through(1)
    outcomes = await one + await two
    assert [(o.queue_ns, o.compute_ns) for o in outcomes] == [(23, 7), (23, 7), (20, 7)]
    report = recorder.reports[1]
    assert (report.rows, report.bucket_tokens, report.row_tokens) == (3, 16, 40)
    assert (report.lists, report.queue_ns, report.run_ns, report.compute_ns) == (2, 23, 7, 7)
    assert (report.failed_rows, report.retry) == (0, False)
    assert recorder.load == (0, 0, 0)
    await first
    await batcher.close()


async def test_a_batch_runs_for_its_most_patient_list() -> None:
    """The backend is given the latest deadline of those who ride together."""
    deadlines: list[int] = []

    class Listening(ScriptedBackend):
        async def run(
            self, graph: str, tensors: Mapping[str, NDArray[np.generic]], deadline_ns: int
        ) -> Outputs:
            deadlines.append(deadline_ns)
            return await super().run(graph, tensors, deadline_ns)

    gate, clock = Gate(), ManualClock()
    batcher = make_batcher(Listening(slots=1, clock=clock, script=gate), clock)
    await batcher.start()
    calls = [begin(batcher, rows_of(1), 10**9 + i) for i in range(3)]
    await gate.began(1)
    gate.let_through(0)
    await gate.began(2)
    gate.let_through(1)
    await asyncio.gather(*calls)
    assert deadlines == [10**9, 10**9 + 2]
    await batcher.close()


async def test_an_answered_list_leaves_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer holds its list in memory until the deadline, so it goes with the answer."""
    timers: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def listen(
        delay: float, callback: Callable[..., object], *arguments: object
    ) -> asyncio.TimerHandle:
        timers.append(call_later(delay, callback, *arguments))
        return timers[-1]

    monkeypatch.setattr(loop, "call_later", listen)
    batcher = make_batcher(scripted(), ManualClock())
    await batcher.start()
    await begin(batcher, rows_of(3))
    assert [timer.cancelled() for timer in timers] == [True]
    await batcher.close()


async def test_the_cost_model_learns_from_what_ran() -> None:
    """After the first batch costs are known, in the time that the waiter saw."""
    clock = ManualClock()

    async def takes_8_ms(run: ScriptedRun) -> None:
        clock.advance_ns(8 * MS * run.rows)

    cost = CostModel()
    backend = ScriptedBackend(slots=1, clock=clock, script=takes_8_ms)
    batcher = make_batcher(backend, clock, cost=cost)
    await batcher.start()
    await begin(batcher, rows_of(MAX_BATCH_TOKENS // 16))
    assert cost.run_seconds(16, 8) == pytest.approx(0.064)
    await batcher.close()
