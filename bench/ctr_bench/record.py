"""What a load run left: one row a request, kept in columns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

OK = 0
"""gRPC's code of a complete answer; every other code is a failure."""
DEADLINE_EXCEEDED = 4
RESOURCE_EXHAUSTED = 8
NOT_SENT = 255
"""Our own code: more requests were unanswered than the generator may hold, so it never left."""
UNREAD = -1
"""In the counts by status: the answer was taken but not looked into."""


@dataclass(frozen=True, slots=True)
class Records:
    """Columns of one run; every array is [requests], in the order of the schedule.

    Attributes:
        scheduled_ns, sent_ns, done_ns: int64, since the run's begin. In a closed loop a request is
            due when it is sent.
        code: uint8, gRPC's code, or NOT_SENT.
        candidates: int32, items asked for.
        scored, fallback, invalid: int32, items of the answer by status; UNREAD where it was not
            looked into, 0 where there was none.
        cached: int32, scored items that the server did not compute for this request.
    """

    scheduled_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    done_ns: NDArray[np.int64]
    code: NDArray[np.uint8]
    candidates: NDArray[np.int32]
    scored: NDArray[np.int32]
    fallback: NDArray[np.int32]
    invalid: NDArray[np.int32]
    cached: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.code)

    @property
    def latency_ms(self) -> NDArray[np.float64]:
        """float64 [requests]: from the scheduled time to the answer's bytes, or to the failure."""
        return (self.done_ns - self.scheduled_ns) / 1e6

    @property
    def send_lag_ms(self) -> NDArray[np.float64]:
        """float64 [requests]: how late the generator itself was."""
        return (self.sent_ns - self.scheduled_ns) / 1e6

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Bool [requests]: answered, with a score for every item; an unread answer counts."""
        whole = (self.scored == self.candidates) | (self.scored == UNREAD)
        complete: NDArray[np.bool_] = (self.code == OK) & whole
        return complete


class Row(NamedTuple):
    """One request, as the generator hands it over; the fields are those of `Records`."""

    scheduled_ns: int
    sent_ns: int
    done_ns: int
    code: int
    candidates: int
    scored: int
    fallback: int
    invalid: int
    cached: int


_TYPES = dict.fromkeys(Row._fields, np.int32) | {
    **dict.fromkeys(("scheduled_ns", "sent_ns", "done_ns"), np.int64),
    "code": np.uint8,
}


def records_of(rows: Sequence[Row]) -> Records:
    """Turn rows into columns."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, len(Row._fields)).T
    return Records(**{name: columns[i].astype(_TYPES[name]) for i, name in enumerate(Row._fields)})


def write_records(records: Records, path: Path) -> None:
    """Write the columns to an `.npz` file."""
    columns = {field.name: getattr(records, field.name) for field in fields(records)}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **columns)


def read_records(path: Path) -> Records:
    """Read what `write_records` wrote.

    Raises:
        OSError, ValueError, KeyError: the file is absent or is no such file.
    """
    with np.load(path, allow_pickle=False) as columns:
        return Records(**{field.name: columns[field.name] for field in fields(Records)})
