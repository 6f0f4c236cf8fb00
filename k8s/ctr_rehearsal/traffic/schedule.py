"""An open schedule that ends when asked: how long a rollout takes is not known beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_bench.schedule import Times


class EndableTimes:
    """Stands for an array of due times where `ctr_bench`'s open loop walks through it."""

    def __init__(self, times: Times) -> None:
        self._times = times
        self._given = 0
        self._ended = False

    def end(self) -> None:
        """Give no further times."""
        self._ended = True

    def tolist(self) -> Iterator[int]:
        """Give the times one by one, as ints, until `end`."""
        for time_ns in self._times.tolist():
            if self._ended:
                return
            self._given += 1
            yield time_ns

    def __len__(self) -> int:
        """How many were given."""
        return self._given
