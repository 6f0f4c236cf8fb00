"""A request's rows -> logits: from the cache, from a row on its way, or from the model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from ctr_service.batcher.batcher import SHRUNK
from ctr_service.batcher.call import too_late
from ctr_service.errors import OverloadedError, Reason
from ctr_service.scores.asked import Asked, ScoredRows
from ctr_service.scores.flights import Flights, Group
from ctr_service.scores.gather import Gather
from ctr_service.scores.refresh import Refresher
from ctr_service.traces import current_trace
from ctr_service.types import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.batcher.batcher import Batcher
    from ctr_service.batcher.call import RowOutcome
    from ctr_service.bundle.template import Segments
    from ctr_service.bundle.tokens import BuiltRows
    from ctr_service.clock import Clock
    from ctr_service.errors import CtrError
    from ctr_service.scores.cache import Score, ScoreCache
    from ctr_service.scores.failures import FailedRows
    from ctr_service.scores.flights import Flight
    from ctr_service.scores.remote import RemoteScores, RemoteTokens
    from ctr_service.types import Priority

MIN_KNOWN_SHARE = 0.5
"""A list of which at least this share is cached or on its way is answered in part when the queue
refuses the rest; below it the list is refused, so that the caller may try another server."""


class BuildsRows(Protocol):
    """Segments -> token ids; see `ctr_service.bundle.tokens.RowBuilder`."""

    def build(self, rows: Sequence[Segments]) -> BuiltRows:
        """Return the token ids of each row."""
        ...


class Scorer:
    """Scores rows of one model. Belongs to one event loop."""

    def __init__(  # noqa: PLR0913 -- built once, in scoring.py; every argument is named there
        self,
        *,
        rows: BuildsRows,
        batcher: Batcher,
        cache: ScoreCache | None,
        clock: Clock,
        remote: RemoteScores | None = None,
        remote_tokens: RemoteTokens | None = None,
    ) -> None:
        """Take the parts.

        Args:
            rows: the bundle's tokenizer.
            batcher: computes rows; must be started.
            cache: None for no score cache.
            clock: deadlines are absolute on it.
            remote: scores that other processes share; None for none.
            remote_tokens: token ids that other processes share; None for none.
        """
        self._remote = remote
        self._remote_tokens = remote_tokens
        self._rows = rows
        self._batcher = batcher
        self._cache = cache
        self._clock = clock
        keeps = cache is not None or remote is not None
        self.flights = Flights(batcher, self._landed if keeps else None, self._row_failed)
        self._refresher = Refresher(rows, batcher, self.flights, clock)

    async def score(
        self, segments: Sequence[Segments], *, deadline_ns: int, priority: Priority
    ) -> ScoredRows:
        """Score a request's rows, at the deadline at the latest.

        Cancelling it takes the rows out of the queue for which nobody else waits.

        Args:
            segments: the rows, all different, best-ranked first.
            deadline_ns: absolute.
            priority: which lane they wait in.

        Raises:
            OverloadedError: refused before it queued.
            NotServingError: the batcher is not started, or closing.
        """
        asked = self._look_up(segments, deadline_ns)
        began_ns = self._clock.now_ns()
        try:
            if asked.fresh and self._remote is not None:
                await self._ask_remote(self._remote, segments, asked)
            unknown_texts: list[str] = []
            if asked.fresh and self._remote_tokens is not None:
                fresh = [segments[row] for row in asked.fresh]
                unknown_texts = await self._remote_tokens.prefetch(fresh, deadline_ns=deadline_ns)
            self._join_flights(segments, asked, priority)
            if asked.fresh:
                self._compute(segments, asked, priority)
            if unknown_texts and self._remote_tokens is not None:
                self._remote_tokens.put_soon(unknown_texts)
            if asked.due and self._cache is not None:
                due = [segments[row] for row in asked.due]
                self._refresher.refresh_soon(due, self._cache)
        except BaseException:
            self.flights.leave(asked.gather, asked.own, asked.joined)
            raise
        current_trace().tokenised_ns = tokenised_ns = self._clock.now_ns()
        tokens_ns = tokenised_ns - began_ns
        leave = partial(self.flights.leave, own=asked.own, joined=asked.joined)
        await asked.gather.wait(leave)
        return ScoredRows(asked.gather, asked.stale, tokens_ns, asked.row_tokens)

    def _look_up(self, segments: Sequence[Segments], deadline_ns: int) -> Asked:
        now_ns, cache = self._clock.now_ns(), self._cache
        gather = Gather(len(segments), deadline_ns=deadline_ns, clock=self._clock)
        asked = Asked(gather)
        if cache is None:
            asked.fresh = list(range(len(segments)))
            return asked
        due_ns = now_ns + cache.early_ns
        for row, key in enumerate(segments):
            known = cache.get(key, now_ns)
            if known is None:
                asked.fresh.append(row)
            elif known.expires_ns > now_ns:
                self._take(gather, row, known.logit, known.cut_texts)
                if known.expires_ns < due_ns:
                    asked.due.append(row)
            else:
                asked.stale[row] = known.logit
                asked.fresh.append(row)
        if cache.failures:
            self._leave_failed(cache.failures, segments, asked)
        return asked

    async def _ask_remote(
        self, remote: RemoteScores, segments: Sequence[Segments], asked: Asked
    ) -> None:
        keys = [segments[row] for row in asked.fresh]
        found = await remote.get_many(keys, deadline_ns=asked.gather.deadline_ns)
        unknown: list[int] = []
        for row, known in zip(asked.fresh, found, strict=True):
            if known is None:
                unknown.append(row)
                continue
            self._take(asked.gather, row, known.logit, known.cut_texts)
            if self._cache is not None:
                self._cache.put(known, self._clock.now_ns())
        asked.fresh = unknown

    @staticmethod
    def _take(gather: Gather, row: int, logit: float, cut_texts: tuple[str, ...]) -> None:
        gather.logits[row] = logit
        gather.sources[row] = Source.CACHE
        if cut_texts:
            gather.cut_texts.update(cut_texts)

    def _join_flights(self, segments: Sequence[Segments], asked: Asked, priority: Priority) -> None:
        """Wait for what is on its way; nothing must be awaited between this and `_compute`."""
        flights, deadline_ns = self.flights, asked.gather.deadline_ns
        if flights.holds_none_of(segments):
            return
        fresh: list[int] = []
        for row in asked.fresh:
            flight = flights.get(segments[row])
            if flight is None or flights.is_late_for(flight, deadline_ns, priority):
                fresh.append(row)
            else:
                self._join(flight, asked, row)
        asked.fresh = fresh

    def _join(self, flight: Flight, asked: Asked, row: int) -> None:
        self.flights.join(flight, asked.gather, row)
        asked.joined.append(flight)
        group, place = flight
        asked.gather.cut_texts.update(group.cut_texts[place])

    def _compute(self, segments: Sequence[Segments], asked: Asked, priority: Priority) -> None:
        gather, fresh = asked.gather, asked.fresh
        keys = [segments[row] for row in fresh]
        built = self._rows.build(keys)
        for cut in built.cut_texts:
            if cut:
                gather.cut_texts.update(cut)
        group = Group(self.flights, keys, built.cut_texts, gather, fresh)
        gather.missing += len(fresh)
        try:
            call = self._batcher.submit(
                built.rows, deadline_ns=gather.deadline_ns, priority=priority, sink=group
            )
        except OverloadedError as error:
            gather.missing -= len(fresh)
            if len(segments) - len(fresh) < MIN_KNOWN_SHARE * len(segments):
                raise
            gather.errors.update(dict.fromkeys(fresh, error))
            return
        admitted = 0 if call is None else len(call.rows)
        if call is not None:
            self.flights.take_off(group, call)
            asked.own = group
            asked.row_tokens = sum([row.length for row in call.rows])
        if admitted < len(fresh):
            self._leave_out(segments, asked, fresh[admitted:], SHRUNK if call else too_late())

    def _leave_out(
        self, segments: Sequence[Segments], asked: Asked, rows: Sequence[int], why: RowOutcome
    ) -> None:
        """Let rows that were not queued wait for another request's, or go without."""
        for row in rows:
            asked.gather.missing -= 1
            if (other := self.flights.get(segments[row])) is not None:
                self._join(other, asked, row)
            elif why.error is not None:
                asked.gather.errors[row] = why.error

    def _leave_failed(
        self, failures: FailedRows, segments: Sequence[Segments], asked: Asked
    ) -> None:
        """Let rows that the model fails again and again go without a try."""
        now_ns, errors = self._clock.now_ns(), asked.gather.errors
        for row in asked.fresh:
            if (error := failures.error_of(segments[row], now_ns)) is not None:
                errors[row] = error
        if errors:
            asked.fresh = [row for row in asked.fresh if row not in errors]

    def _row_failed(self, segments: Segments, error: CtrError) -> None:
        if self._cache is not None and error.reason is Reason.BACKEND_FAILED:
            self._cache.failures.failed(segments, error, self._clock.now_ns())

    def _landed(self, scores: Sequence[Score]) -> None:
        if self._cache is not None:
            now_ns = self._clock.now_ns()
            self._cache.failures.scored(scores)
            for score in scores:
                self._cache.put(score, now_ns)
        if self._remote is not None:
            self._remote.put_soon(scores)
