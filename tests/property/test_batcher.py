"""The batcher against callers who come, leave and bring bad rows, and a backend that fails."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from ctr_service.backend.base import INPUT_IDS, LENGTHS
from ctr_service.backend.scripted import ScriptedBackend, ScriptedRun
from ctr_service.clock import ManualClock
from ctr_service.errors import BackendFailedError, OverloadedError, Reason
from ctr_service.types import Priority, Row
from tests.support.batching import MAX_BATCH_TOKENS, Recorder, expected_logits, make_batcher
from tests.support.rows import FAILING_ID, POISON_ID, make_row

if TYPE_CHECKING:
    from ctr_service.batcher.call import RowOutcome

BAD_IDS = (POISON_ID, FAILING_ID)
ROW_KINDS = st.tuples(st.integers(1, 32), st.sampled_from([None, None, None, *BAD_IDS]))
SHAPES = st.lists(ROW_KINDS, min_size=1, max_size=12)
MAX_QUEUED_TOKENS = 512
FAR_NS = 10**15


@dataclass
class Caller:
    """One list that was sent, and the task that waits for it."""

    rows: list[Row]
    deadline_ns: int
    task: asyncio.Task[list[RowOutcome]]
    left: bool = False


class BatcherMachine(RuleBasedStateMachine):
    """Every run waits until a rule lets it end or fails it; the clock moves by rule alone."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.clock = ManualClock()
        self.recorder = Recorder()
        self.held: list[asyncio.Future[None]] = []
        self.runs: list[tuple[ScriptedRun, asyncio.Future[None] | None]] = []
        self.callers: list[Caller] = []
        self.free_running = False
        self.rng = np.random.default_rng(0)

    @initialize(slots=st.integers(1, 3))
    def start(self, slots: int) -> None:
        """Start a batcher with some slots."""
        self.backend = ScriptedBackend(
            slots=slots,
            clock=self.clock,
            script=self.hold,
            poison_ids=frozenset({POISON_ID}),
            failing_ids=frozenset({FAILING_ID}),
        )
        self.batcher = make_batcher(
            self.backend,
            self.clock,
            observer=self.recorder,
            max_queued_tokens=MAX_QUEUED_TOKENS,
        )
        self.loop.run(self.batcher.start())

    async def hold(self, run: ScriptedRun) -> None:
        """The script: check the batch, then wait for a rule."""
        assert run.rows * run.bucket_tokens <= MAX_BATCH_TOKENS
        if self.free_running:
            self.runs.append((run, None))
            return
        future = asyncio.get_running_loop().create_future()
        self.held.append(future)
        self.runs.append((run, future))
        await future

    def settle(self) -> None:
        """Let everything that can go on go on."""

        async def turns() -> None:
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run(turns())

    @rule(shapes=SHAPES, allowed_ns=st.integers(1, 300), priority=st.sampled_from(Priority))
    def send(
        self, shapes: list[tuple[int, int | None]], allowed_ns: int, priority: Priority
    ) -> None:
        """A caller sends a list."""
        rows = [make_row(self.rng, length, holds=bad) for length, bad in shapes]
        deadline_ns = self.clock.now_ns() + allowed_ns
        scoring = self.batcher.score(rows, deadline_ns=deadline_ns, priority=priority)
        task = self.loop.get_loop().create_task(scoring)
        self.callers.append(Caller(rows, deadline_ns, task))
        self.settle()

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """A caller cancels."""
        caller = data.draw(st.sampled_from(self.callers))
        caller.left = caller.task.cancel() or caller.left
        self.settle()

    @precondition(lambda self: any(not future.done() for future in self.held))
    @rule(data=st.data(), fails=st.sampled_from([False, False, True]))
    def end_a_run(self, data: st.DataObject, *, fails: bool) -> None:
        """A run ends, or fails as a whole for a reason that no row has."""
        future = data.draw(st.sampled_from([f for f in self.held if not f.done()]))
        if fails:
            future.set_exception(BackendFailedError("scripted"))
        else:
            future.set_result(None)
        self.settle()

    @rule(delta_ns=st.integers(1, 150))
    def wait(self, delta_ns: int) -> None:
        """Time passes."""
        self.clock.advance_ns(delta_ns)

    @invariant()
    def answers_are_their_own(self) -> None:
        """Whoever has an answer has his own rows' logits, or an error that is his to have."""
        for caller in self.callers:
            if caller.task.done() and not caller.left:
                self.check(caller)

    def check(self, caller: Caller) -> None:
        """Check one finished caller."""
        if isinstance(caller.task.exception(), OverloadedError):
            return
        outcomes = caller.task.result()
        assert len(outcomes) == len(caller.rows), "each row is answered once"
        expected = expected_logits(caller.rows)
        shed = [o.error is not None and o.error.reason is Reason.OVERLOADED for o in outcomes]
        assert shed == sorted(shed), "the first rows are kept, the last are shed"
        for row, outcome, logit in zip(caller.rows, outcomes, expected, strict=True):
            bad = any(token in row.ids for token in BAD_IDS)
            if outcome.error is None:
                assert not bad
                assert outcome.logit == logit
            elif outcome.error.reason is Reason.DEADLINE_EXCEEDED:
                assert self.clock.now_ns() >= caller.deadline_ns
            elif outcome.error.reason is Reason.BACKEND_FAILED:
                # A good row fails only where two runs that held it failed, the second one alone.
                assert bad or self.failed_runs_of(row) >= 2

    def failed_runs_of(self, row: Row) -> int:
        """Count the runs with this row in them that failed by rule or by a poisonous neighbour."""
        return sum(
            any(
                row.ids.tolist() == ids[:length].tolist()
                for ids, length in zip(*parts, strict=True)
            )
            for run, future in self.runs
            if (parts := (np.asarray(run.tensors[INPUT_IDS]), np.asarray(run.tensors[LENGTHS])))
            and ((future and future.done() and future.exception()) or (parts[0] == POISON_ID).any())
        )

    @invariant()
    def no_slot_waits_while_rows_do(self) -> None:
        """Rows wait only while every slot is busy; one batch at most is prepared ahead."""
        waiting_rows, waiting_tokens, running = self.recorder.load
        assert self.backend.running == min(running, self.backend.slots)
        assert running <= self.backend.slots + 1
        assert not waiting_rows or running >= self.backend.slots
        assert waiting_tokens <= MAX_QUEUED_TOKENS

    def teardown(self) -> None:
        """Let everything end: each caller has an answer, nothing waits, nothing runs."""
        self.free_running = True
        for future in self.held:
            if not future.done():
                future.set_result(None)
        try:
            self.loop.run(asyncio.wait_for(self.batcher.close(), 10))
            self.settle()
            assert all(caller.task.done() for caller in self.callers)
            self.answers_are_their_own()
            assert self.recorder.load == (0, 0, 0)
        finally:
            self.loop.close()


TestBatcherMachine = BatcherMachine.TestCase
TestBatcherMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


async def test_no_answer_is_mixed_up_among_many_concurrent_callers() -> None:
    """Of 600 concurrent lists with bad rows and cancellations each gets its own rows' logits."""
    rng = np.random.default_rng(7)
    clock = ManualClock()

    async def some_turns(run: ScriptedRun) -> None:
        for _ in range(run.number % 5):
            await asyncio.sleep(0)

    backend = ScriptedBackend(
        slots=3,
        clock=clock,
        script=some_turns,
        poison_ids=frozenset({POISON_ID}),
        failing_ids=frozenset({FAILING_ID}),
    )
    batcher = make_batcher(backend, clock)
    await batcher.start()

    async def call(number: int) -> int:
        bad = (None, *BAD_IDS)[int(rng.choice(3, p=[0.96, 0.02, 0.02]))]
        rows = [make_row(rng, int(rng.integers(1, 33))) for _ in range(rng.integers(1, 10))]
        rows.append(make_row(rng, 8, holds=bad))
        task = asyncio.create_task(
            batcher.score(rows, deadline_ns=FAR_NS, priority=list(Priority)[number % 2])
        )
        for _ in range(rng.integers(0, 30)):
            await asyncio.sleep(0)
        if rng.random() < 0.2 and task.cancel():
            await asyncio.gather(task, return_exceptions=True)
            return 0
        outcomes = await task
        expected: list[float | None] = [*expected_logits(rows)]
        if bad is not None:
            expected[-1] = None
        assert [outcome.logit for outcome in outcomes] == expected
        return 1

    answered = 0
    for start in range(0, 600, 60):
        answered += sum(await asyncio.gather(*(call(start + i) for i in range(60))))
    assert answered > 400
    await batcher.close()
