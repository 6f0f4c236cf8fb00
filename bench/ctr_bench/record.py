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
CANCELLED = 1
DEADLINE_EXCEEDED = 4
RESOURCE_EXHAUSTED = 8
NOT_SENT = 255
"""Our own code: more requests were unanswered than the generator may hold, so it never left."""
UNREAD = -1
"""In the counts by status: the answer was taken but not looked into."""
NO_VERSION = -1
"""No answer, or one that was not looked into: it names no model."""


@dataclass(frozen=True, slots=True)
class Records:
    """Columns of one run; every array but `versions` is [requests], in the order of the schedule.

    Attributes:
        scheduled_ns, sent_ns, done_ns: int64, since the run's begin. In a closed loop a request is
            due when it is sent.
        code: uint8, gRPC's code, or NOT_SENT.
        candidates: int32, items asked for.
        scored, fallback, invalid: int32, items of the answer by status; UNREAD where it was not
            looked into, 0 where there was none.
        cached: int32, scored items that the server did not compute for this request.
        tokens: int32, of the request's pairs, as the workload counted or estimated them; 0 where
            nobody did.
        degraded: bool, what the answer says of itself.
        features_ns, queue_ns, model_ns: int64, stages as the server timed them; 0 where it says
            nothing.
        caller: int32, which caller of a closed loop, or which connection of an open one.
        priority: uint8, as ctr.v1 numbers them.
        version: int16, which of `versions` answered; NO_VERSION where nobody said.
        versions: str [versions], the model versions that answered.
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
    tokens: NDArray[np.int32]
    degraded: NDArray[np.bool_]
    features_ns: NDArray[np.int64]
    queue_ns: NDArray[np.int64]
    model_ns: NDArray[np.int64]
    caller: NDArray[np.int32]
    priority: NDArray[np.uint8]
    version: NDArray[np.int16]
    versions: NDArray[np.str_]

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
        complete: NDArray[np.bool_] = (self.code == OK) & whole & ~self.degraded
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
    tokens: int = 0
    degraded: bool = False
    features_ns: int = 0
    queue_ns: int = 0
    model_ns: int = 0
    caller: int = 0
    priority: int = 0
    version: int = NO_VERSION


_TYPES: dict[str, type[np.generic]] = {
    **dict.fromkeys(Row._fields, np.int32),
    **dict.fromkeys(("scheduled_ns", "sent_ns", "done_ns"), np.int64),
    **dict.fromkeys(("features_ns", "queue_ns", "model_ns"), np.int64),
    "code": np.uint8,
    "degraded": np.bool_,
    "priority": np.uint8,
    "version": np.int16,
}


def records_of(rows: Sequence[Row], versions: Sequence[str] = ()) -> Records:
    """Turn rows into columns; `versions` are the texts that their `version` points at."""
    return records_of_table(np.array(rows, dtype=np.int64).reshape(-1, len(Row._fields)), versions)


def records_of_table(table: NDArray[np.int64], versions: Sequence[str] = ()) -> Records:
    """Turn an int64 [requests, fields of `Row`] table into columns."""
    columns = {name: table[:, index].astype(_TYPES[name]) for index, name in enumerate(Row._fields)}
    return Records(**columns, versions=np.array(versions, dtype=np.str_))


def merged(parts: Sequence[Records]) -> Records:
    """Join what several generators recorded, in the order of the schedule.

    Args:
        parts: at least one; a part may be empty.
    """
    versions = tuple(dict.fromkeys(text for part in parts for text in part.versions.tolist()))
    place = {text: index for index, text in enumerate(versions)}
    columns: dict[str, NDArray[np.generic]] = {}
    for name in Row._fields:
        columns[name] = np.concatenate([getattr(part, name) for part in parts])
    columns["version"] = np.concatenate([_moved(part, place) for part in parts])
    order = np.lexsort((columns["sent_ns"], columns["scheduled_ns"]))
    in_order = {name: column[order] for name, column in columns.items()}
    return Records(**in_order, versions=np.array(versions, dtype=np.str_))  # type: ignore[arg-type]  # -- the parts' own types


def _moved(part: Records, place: dict[str, int]) -> NDArray[np.int16]:
    """Return a part's versions as indices of the joined list."""
    new = np.array([*(place[text] for text in part.versions.tolist()), NO_VERSION], dtype=np.int16)
    return new[part.version]  # NO_VERSION, -1, picks the last one: itself


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
