"""Rows of a run while it lasts: one flat array, because a run has millions of them."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.answers import Answer, Counts
from ctr_bench.record import NO_VERSION, OK, UNREAD, Row, records_of_table

if TYPE_CHECKING:
    from ctr_bench.job import Job, Payloads
    from ctr_bench.live import Watcher
    from ctr_bench.record import Records

UNREAD_ANSWER = Answer(Counts(UNREAD, UNREAD, UNREAD, UNREAD))
NONE = Answer(Counts(0, 0, 0, 0))
COLUMNS = len(Row._fields)


class Recorder:
    """Takes answers from gRPC's threads: a row is appended in one step under Python's own lock."""

    def __init__(self, job: Job, payloads: Payloads, watcher: Watcher | None) -> None:
        """Take what is known of each message.

        Args:
            job: which share of the callers is here.
            payloads: what is sent.
            watcher: told of every answer.
        """
        self._job = job
        self._watcher = watcher
        self._candidates = payloads.candidates.tolist()
        zeros = [0] * len(payloads.messages)
        self._tokens = zeros if payloads.tokens is None else payloads.tokens.tolist()
        self._priority = zeros if payloads.priority is None else payloads.priority.tolist()
        self._rows = array("q")
        self._versions: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._rows) // COLUMNS

    def add(
        self, message: int, times_ns: tuple[int, int, int], code: int, answer: Answer, caller: int
    ) -> bool:
        """Record a request's end; say whether it was answered complete and undegraded.

        Args:
            message: which was sent.
            times_ns: scheduled, sent and done, since the run's begin.
            code: gRPC's.
            answer: what is kept of it.
            caller: or connection, of this generator.
        """
        candidates = self._candidates[message]
        version = NO_VERSION
        if answer.version:
            version = self._versions.setdefault(answer.version, len(self._versions))
        self._rows.extend(
            (
                *(*times_ns, code, candidates, *answer.counts),
                *(self._tokens[message], answer.degraded),
                *(answer.features_ns, answer.queue_ns, answer.model_ns),
                *(caller * self._job.step + self._job.first, self._priority[message], version),
            )
        )
        whole = answer.counts.scored in (candidates, UNREAD)
        good = code == OK and whole and not answer.degraded
        if self._watcher is not None:
            self._watcher.take(times_ns[2] - times_ns[0], code, candidates if good else 0)
        return good

    def records(self) -> Records:
        """Return the rows in the order of the schedule."""
        table = np.array(self._rows, dtype=np.int64).reshape(-1, COLUMNS)
        return records_of_table(table[np.lexsort((table[:, 1], table[:, 0]))], [*self._versions])
