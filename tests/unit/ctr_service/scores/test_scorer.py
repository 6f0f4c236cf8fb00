"""Claims of `ctr_service.scores.scorer`: where a row's logit comes from, and for whom it runs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.backend.scripted import ScriptedBackend, ScriptedRun
from ctr_service.bundle.tokens import BuiltRows
from ctr_service.clock import ManualClock
from ctr_service.errors import BackendFailedError, OverloadedError, Reason
from ctr_service.scores.cache import ScoreCache
from ctr_service.scores.scorer import Scorer
from ctr_service.types import Priority, Row, Source
from tests.support.batching import Recorder, expected_logits, make_batcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from ctr_service.batcher.batcher import Batcher
    from ctr_service.bundle.template import Segments
    from ctr_service.scores.asked import ScoredRows

FAR_NS = 10**15
TTL_NS = 1_000
"""The seed's first jitter makes a life 68 longer."""


class LetterRows:
    """Builds rows whose token ids are the characters of the second segment."""

    def __init__(self) -> None:
        self.built: list[Segments] = []

    def build(self, rows: Sequence[Segments]) -> BuiltRows:
        """Return a row a segment pair, and keep what was asked for."""
        self.built += rows
        made = [self.row(segments) for segments in rows]
        return BuiltRows(made, [(s[1],) if s[1].isupper() else () for s in rows])

    @staticmethod
    def row(segments: Segments) -> Row:
        """Return the row of a segment pair."""
        return Row.of(np.array([ord(letter) for letter in segments[1]], dtype=np.int32), 1)


@dataclass
class World:
    """A scorer on a backend whose runs end when the test says so."""

    clock: ManualClock
    scorer: Scorer
    batcher: Batcher
    rows: LetterRows
    recorder: Recorder
    held: list[tuple[ScriptedRun, asyncio.Future[None]]]

    def begin(
        self,
        *titles: str,
        deadline_ns: int = FAR_NS,
        priority: Priority = Priority.INTERACTIVE,
    ) -> asyncio.Task[ScoredRows]:
        """Score rows in the background."""
        return asyncio.create_task(
            self.scorer.score(
                [("q", title) for title in titles], deadline_ns=deadline_ns, priority=priority
            )
        )

    async def let_run(self, index: int = 0, error: Exception | None = None) -> None:
        """Let a held run end."""
        _, future = self.held.pop(index)
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
        await settle()


async def settle() -> None:
    """Let everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


def logit_of(title: str) -> float:
    """Return what the backend gives a title, alone."""
    return expected_logits([LetterRows.row(("q", title))])[0]


@contextlib.asynccontextmanager
async def world(
    *,
    slots: int = 1,
    cache: bool = True,
    max_queued_tokens: int = 1 << 20,
    negative_ttl_ns: int = 0,
) -> AsyncIterator[World]:
    """Serve for the block's length; what is held at its end is let go."""
    clock, recorder = ManualClock(), Recorder()
    held: list[tuple[ScriptedRun, asyncio.Future[None]]] = []

    async def hold(run: ScriptedRun) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        held.append((run, future))
        await future

    backend = ScriptedBackend(slots=slots, clock=clock, script=hold)
    batcher = make_batcher(backend, clock, observer=recorder, max_queued_tokens=max_queued_tokens)
    await batcher.start()
    rows = LetterRows()
    kept = ScoreCache(
        max_bytes=1 << 20,
        ttl_ns=TTL_NS,
        rng=random.Random(0),  # noqa: S311 -- jitter, no secret
        negative_ttl_ns=negative_ttl_ns,
    )
    scorer = Scorer(rows=rows, batcher=batcher, cache=kept if cache else None, clock=clock)
    made = World(clock, scorer, batcher, rows, recorder, held)
    try:
        yield made
    finally:
        while held:
            await made.let_run()
        await batcher.close()
        await backend.close()
        assert len(scorer.flights) == 0


async def test_a_cached_row_is_not_computed_again() -> None:
    """The second answer is the first one's, from the cache, its cut texts with it."""
    async with world() as w:
        first = w.begin("ab", "CD")
        await settle()
        await w.let_run()
        again = await w.begin("CD", "ab")
        assert again.gather.logits == list(reversed((await first).gather.logits))
        assert again.gather.sources == [Source.CACHE, Source.CACHE]
        assert again.gather.cut_texts == (await first).gather.cut_texts == {"CD"}
        assert again.row_tokens == 0
        assert w.rows.built == [("q", "ab"), ("q", "CD")]


async def test_identical_rows_in_flight_are_computed_once() -> None:
    """Three requests share a row: one run has it once, each gets it, the first as the model's."""
    async with world(cache=False) as w:
        tasks = [w.begin("ab", "cd"), w.begin("cd", "ef"), w.begin("cd")]
        await settle()
        while w.held:
            await w.let_run()
        answers = [await task for task in tasks]
        assert w.rows.built == [("q", "ab"), ("q", "cd"), ("q", "ef")]
        assert [answer.gather.logits for answer in answers] == [
            pytest.approx([logit_of("ab"), logit_of("cd")]),
            pytest.approx([logit_of("cd"), logit_of("ef")]),
            pytest.approx([logit_of("cd")]),
        ]
        assert answers[0].gather.sources == [Source.MODEL, Source.MODEL]
        assert answers[1].gather.sources == [Source.COALESCED, Source.MODEL]
        assert w.scorer.flights.coalesced == 2


async def test_a_row_outlives_the_request_that_began_it() -> None:
    """The first caller cancels while its row waits; the second still gets it, computed once."""
    async with world(cache=False) as w:
        blocker = w.begin("xx")
        await settle()
        first, second = w.begin("ab", "zz"), w.begin("ab")
        await settle()
        first.cancel()
        await settle()
        assert w.recorder.dropped_rows.total() == 1, "only the row that nobody else wants"
        while w.held:
            await w.let_run()
        assert (await second).gather.logits == pytest.approx([logit_of("ab")])
        assert first.cancelled()
        await blocker
        assert sum(report.rows for report in w.recorder.reports) == 2


async def test_nobody_left_means_no_run() -> None:
    """When the last of those who wait for a queued row leaves, the row leaves the queue."""
    async with world(cache=False) as w:
        blocker = w.begin("xx")
        await settle()
        first, second = w.begin("ab"), w.begin("ab")
        await settle()
        for task in (first, second):
            task.cancel()
            await settle()
        await w.let_run()
        await blocker
        assert [report.rows for report in w.recorder.reports] == [1]


async def test_a_row_runs_to_the_latest_waiters_deadline() -> None:
    """The first caller's time passes during the run; the second one's has not, and it is served."""
    async with world(cache=False) as w:
        first = w.begin("ab", deadline_ns=100)
        await settle()
        second = w.begin("ab", deadline_ns=1_000)
        await settle()
        w.clock.advance_ns(200)
        assert [error.reason for error in (await first).gather.errors.values()] == [
            Reason.DEADLINE_EXCEEDED
        ]
        await w.let_run()
        assert (await second).gather.logits == pytest.approx([logit_of("ab")])
        assert len(w.recorder.reports) == 1


async def test_a_more_urgent_request_takes_a_queued_row_over() -> None:
    """A row that waits for a patient caller runs with the hurried one, once, for both."""
    async with world(cache=False) as w:
        blocker = w.begin("xx")
        await settle()
        patient = w.begin("ab", "cd", deadline_ns=10**12)
        between = w.begin(20 * "e", deadline_ns=10**9)
        hurried = w.begin("ab", deadline_ns=10**8)
        await settle()
        await w.let_run()
        await w.let_run()
        assert (await hurried).gather.logits == pytest.approx([logit_of("ab")])
        assert not between.done()
        while w.held:
            await w.let_run()
        assert (await patient).gather.logits == pytest.approx([logit_of("ab"), logit_of("cd")])
        await asyncio.gather(between, blocker)
        assert sum(report.rows for report in w.recorder.reports) == 4


async def test_an_interactive_request_does_not_wait_in_the_bulk_lane() -> None:
    """It takes the row over, whatever the deadlines."""
    async with world(cache=False) as w:
        blocker = w.begin("xx")
        await settle()
        bulk = w.begin("ab", deadline_ns=10**6, priority=Priority.BULK)
        other = w.begin("cd", deadline_ns=10**8)
        hurried = w.begin("ab", deadline_ns=10**9)
        await settle()
        await w.let_run()
        await w.let_run()
        for task in (bulk, hurried, other, blocker):
            await task
        assert (await bulk).gather.logits == (await hurried).gather.logits
        assert sum(report.rows for report in w.recorder.reports) == 3


async def test_a_failed_row_fails_for_all_who_wait_and_is_not_cached() -> None:
    """Both hear of it; the next request computes it afresh."""
    async with world() as w:
        first, second = w.begin("ab"), w.begin("ab")
        await settle()
        await w.let_run(error=BackendFailedError("scripted"))
        await w.let_run(error=BackendFailedError("scripted"))
        for task in (first, second):
            assert [e.reason for e in (await task).gather.errors.values()] == [
                Reason.BACKEND_FAILED
            ]
        third = w.begin("ab")
        await settle()
        await w.let_run()
        assert (await third).gather.logits == pytest.approx([logit_of("ab")])


async def test_a_score_near_its_end_answers_and_is_computed_again_behind() -> None:
    """The request is answered from the cache at once; then nobody's run renews the score."""
    async with world() as w:
        first = w.begin("ab")
        await settle()
        await w.let_run()
        await first
        w.clock.advance_ns(TTL_NS)
        answer = await w.begin("ab")
        assert answer.gather.sources == [Source.CACHE]
        await settle()
        again = await w.begin("ab")
        assert again.gather.sources == [Source.CACHE]
        await settle()
        assert len(w.held) == 1, "once, however often it is asked for"
        await w.let_run()
        w.clock.advance_ns(TTL_NS * 80 // 100)
        assert (await w.begin("ab")).gather.sources == [Source.CACHE]


async def test_a_busy_server_refreshes_nothing_early() -> None:
    """With every slot taken a score near its end is left alone until a request must compute it."""
    async with world() as w:
        first = w.begin("ab")
        await settle()
        await w.let_run()
        await first
        w.clock.advance_ns(TTL_NS)
        blocker = w.begin("xx")
        await settle()
        assert (await w.begin("ab")).gather.sources == [Source.CACHE]
        await settle()
        assert len(w.scorer.flights) == 1
        await w.let_run()
        await blocker
        assert not w.held


async def test_a_row_that_fails_again_and_again_is_not_tried_for_a_while() -> None:
    """The third request for it costs no run and hears why; later it is tried again."""
    async with world(negative_ttl_ns=50) as w:

        async def ask(title: str, error: Exception | None) -> ScoredRows:
            task = w.begin(title)
            await settle()
            if w.held:
                await w.let_run(error=error)
            if error is not None and w.held:
                await w.let_run(error=error)  # alone, because the whole batch failed
            return await task

        broken = BackendFailedError("poisoned")
        for good in ("cd", "ef"):
            answer = await ask("ab", broken)
            assert answer.gather.errors[0].reason is Reason.BACKEND_FAILED
            await ask(good, None)
        runs = len(w.recorder.reports)
        answer = await ask("ab", None)
        assert answer.gather.errors[0].reason is Reason.BACKEND_FAILED
        assert len(w.recorder.reports) == runs
        w.clock.advance_ns(60)
        assert not (await ask("ab", None)).gather.errors


async def test_an_expired_score_is_kept_for_a_fallback() -> None:
    """It is computed again; when that comes too late, the old one is at hand."""
    async with world() as w:
        first = w.begin("ab")
        await settle()
        await w.let_run()
        await first
        w.clock.advance_ns(2 * TTL_NS)
        late = w.begin("ab", deadline_ns=w.clock.now_ns() + 50)
        await settle()
        w.clock.advance_ns(100)
        answer = await late
        assert set(answer.gather.errors) == {0}
        assert answer.stale == {0: pytest.approx(logit_of("ab"))}


async def test_a_refused_list_that_is_mostly_cached_is_answered_in_part() -> None:
    """With half of it known the rest is left out; with less the whole list is refused."""
    async with world(max_queued_tokens=8) as w:
        for title in ("ab", "cd"):
            task = w.begin(title)
            await settle()
            await w.let_run()
            await task
        blockers = [w.begin("xx"), w.begin("yy")]
        await settle()
        answer = await w.begin("ab", "cd", "ef", "gh")
        assert set(answer.gather.errors) == {2, 3}
        assert answer.gather.sources[:2] == [Source.CACHE, Source.CACHE]
        with pytest.raises(OverloadedError):
            await w.begin("ab", "ef", "gh")
        while w.held:
            await w.let_run()
        await asyncio.gather(*blockers)


async def test_a_refused_list_leaves_the_rows_that_it_joined() -> None:
    """Its refusal takes it off the flights; the row's own caller is still served."""
    async with world(cache=False, max_queued_tokens=8) as w:
        blocker, waiting = w.begin("xx"), w.begin("ab")
        await settle()
        with pytest.raises(OverloadedError):
            await w.begin("ab", "cd", "ef")
        while w.held:
            await w.let_run()
        await blocker
        assert (await waiting).gather.logits == pytest.approx([logit_of("ab")])


async def test_a_scored_list_leaves_no_ring_of_objects() -> None:
    """All of it is freed at once: kept until the garbage collector comes, lists stop the loop."""
    async with world() as w:
        await served(w, "warm", "up")  # what is made once, by the loop and the libraries
        with garbage() as found:
            await served(w, "a", "b", "c")
        assert [type(one).__name__ for one in found if is_ours(one)] == []


async def served(w: World, *titles: str) -> None:
    """Score a list, and a second one that waits for the same rows."""
    tasks = [w.begin(*titles), w.begin(*titles)]
    await settle()
    while w.held:
        await w.let_run()
    await asyncio.gather(*tasks)


def is_ours(one: object) -> bool:
    """Say whether an object is of the gateway's own making."""
    return type(one).__module__.startswith("ctr_service")


@contextlib.contextmanager
def garbage() -> Iterator[list[object]]:
    """Fill a list with what only the garbage collector frees of what the block leaves."""
    found: list[object] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
