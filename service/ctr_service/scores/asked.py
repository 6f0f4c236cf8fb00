"""One request's rows: where each logit comes from, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_service.scores.flights import Flight, Group
    from ctr_service.scores.gather import Gather


@dataclass(slots=True)
class Asked:
    """One request's rows by where their logits come from.

    Attributes:
        gather: collects them.
        own: the rows that are computed for this request in the first place.
        joined: rows that were on their way for another request.
        stale: row -> expired logit.
        fresh: rows to compute.
        row_tokens: tokens of those that were queued.
        due: rows whose cached score is to be computed again behind.
    """

    gather: Gather
    own: Group | None = None
    joined: list[Flight] = field(default_factory=list)
    stale: dict[int, float] = field(default_factory=dict)
    fresh: list[int] = field(default_factory=list)
    row_tokens: int = 0
    due: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """What became of a request's rows.

    Attributes:
        gather: logits, sources and errors by row.
        stale: row -> expired logit, for rows that may have an error.
        tokens_ns: what shared caches, tokenising and queueing took.
        row_tokens: tokens of the rows that were queued for this request, padding left out.
    """

    gather: Gather
    stale: dict[int, float]
    tokens_ns: int
    row_tokens: int
