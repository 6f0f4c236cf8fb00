"""How a batch is filled from the lists of a lane. Two ways, for two kinds of graph.

A graph that computes its padding wants rows of like lengths (`by_length.py`). One that skips it
takes rows of any lengths, and then lists need not be mixed at all (`by_list.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ctr_service.batcher.formed import FormedBatch
    from ctr_service.batcher.lane import L, Lane


@dataclass(frozen=True, slots=True)
class Price:
    """What a run costs beside its tokens, all in tokens of computing.

    Attributes:
        start_tokens: the start of a run.
        square_tokens: attention in a graph that skips padding: a row in a batch of length n costs
            so much times n squared, because attention is computed on the padded rows. 0 in others,
            where padding costs more than that.
    """

    start_tokens: float
    square_tokens: float = 0.0


@dataclass(frozen=True, slots=True)
class Slots:
    """The backend's slots: how many there are, and how many of them are free for batches now."""

    all: int
    free: int


class Packing(Protocol):
    """Takes rows out of a lane for one batch. Pure but for that."""

    def fill(self, lane: Lane[L], slots: Slots, price: Price) -> FormedBatch[L]:
        """Take the rows to run now.

        Args:
            lane: something waits in it.
            slots: at least one is free, this batch's among them.
            price: of a run.

        Returns:
            At least one row, of the most urgent list among others, within the budget of what the
            graph computes: `rows * bucket`, or the rows' own tokens where it skips padding.
        """
        ...

    def riding_tokens(self, lane: Lane[L], waiting_tokens: float, price: Price) -> float:
        """Return how much of less urgent lists may be served before a list ends.

        Args:
            lane: that the list comes to.
            waiting_tokens: that wait before the list.
            price: of a run.
        """
        ...
