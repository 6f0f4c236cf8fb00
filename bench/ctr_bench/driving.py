"""The two loops of the generator, on one connection with bytes in and bytes out.

The open loop sends by the schedule whatever the server does. The closed loop has a fixed number of
callers, each with one request at a time: it finds what a server can do at most, and its latencies
say nothing about a load from outside.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ctr_bench.answers import Counts
from ctr_bench.job import MAX_UNANSWERED
from ctr_bench.record import NOT_SENT, OK, UNREAD, Row, records_of

if TYPE_CHECKING:
    from ctr_bench.job import Job, Payloads
    from ctr_bench.record import Records
    from ctr_bench.senders.base import Sender

_UNREAD = Counts(UNREAD, UNREAD, UNREAD, UNREAD)
_NONE = Counts(0, 0, 0, 0)


class Driver:
    """Runs one job on one connection; belongs to one event loop."""

    def __init__(self, sender: Sender, job: Job, payloads: Payloads) -> None:
        self._sender = sender
        self._job = job
        self._messages = payloads.messages
        self._candidates = payloads.candidates.tolist()
        self._schedule_ns = payloads.schedule_ns
        self._began_ns = 0
        self._finished = 0

    async def warm_up(self) -> None:
        """Send the job's first requests by a few callers, unrecorded."""
        waiting = iter(range(self._job.warm_up))

        async def caller() -> None:
            for index in waiting:
                await self._ask(index)

        await asyncio.gather(*(caller() for _ in range(max(1, self._job.callers or 8))))

    async def run(self) -> Records:
        """Run the job's loop and return one row a request, in the order of the schedule."""
        self._began_ns = time.monotonic_ns()
        rows = await (self._closed() if self._job.callers else self._open())
        return records_of(rows)

    async def _open(self) -> list[Row]:
        tasks: list[asyncio.Task[Row]] = []
        rows: dict[int, Row] = {}
        for index, due_ns in enumerate(self._schedule_ns.tolist()):
            # Again and again, because a timer of the loop may be a millisecond early.
            while (wait_ns := due_ns - self._now_ns()) > 0:  # noqa: ASYNC110 -- waits for a time, not for an event
                await asyncio.sleep(wait_ns / 1e9)
            if len(tasks) - self._finished >= MAX_UNANSWERED:
                rows[index] = self._unsent(index, due_ns)
                continue
            task = asyncio.create_task(self._one(index, due_ns))
            task.add_done_callback(self._count_finished)
            tasks.append(task)
        answered = iter(await asyncio.gather(*tasks))
        return [rows.get(index) or next(answered) for index in range(len(self._schedule_ns))]

    async def _closed(self) -> list[Row]:
        end_ns = round(self._job.seconds * 1e9) if self._job.seconds else None
        most = self._job.max_requests
        rows: list[Row] = []
        sent = 0

        async def caller() -> None:
            nonlocal sent
            while (not most or sent < most) and (end_ns is None or self._now_ns() < end_ns):
                index = self._job.warm_up + sent
                sent += 1
                rows.append(await self._one(index, None))

        await asyncio.gather(*(caller() for _ in range(self._job.callers)))
        return rows

    async def _one(self, index: int, due_ns: int | None) -> Row:
        sent_ns = self._now_ns()
        code, raw = await self._ask(index)
        done_ns = self._now_ns()
        counts = _NONE
        if code == OK:
            counts = _UNREAD if index % self._job.read_every else self._sender.count(raw)
        candidates = self._candidates[index % len(self._candidates)]
        scheduled_ns = sent_ns if due_ns is None else due_ns
        return Row(scheduled_ns, sent_ns, done_ns, code, candidates, *counts)

    async def _ask(self, index: int) -> tuple[int, bytes]:
        message = self._messages[index % len(self._messages)]
        return await self._sender.ask(message, self._job.deadline_s)

    def _unsent(self, index: int, due_ns: int) -> Row:
        candidates = self._candidates[index % len(self._candidates)]
        now_ns = self._now_ns()
        return Row(due_ns, now_ns, now_ns, NOT_SENT, candidates, *_NONE)

    def _count_finished(self, _: asyncio.Task[Row]) -> None:
        self._finished += 1

    def _now_ns(self) -> int:
        return time.monotonic_ns() - self._began_ns
