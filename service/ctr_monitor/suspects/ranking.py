"""Evidence in, suspected causes out, most suspected first. Pure and deterministic.

Each clue that speaks for a cause closes a part of the distance to certainty; each that speaks
against it takes a part away: score = (1 - prod(1 - for)) * prod(1 - against). So more evidence for
a cause never lowers it, and nothing but evidence raises it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_monitor.model import Finding, Suspected

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctr_monitor.suspects.clues import Clue
    from ctr_monitor.suspects.evidence import Evidence

LEAST_SCORE = 0.2
"""Below this a cause is not worth a line at night."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A clue, and the share of the distance that it closes or takes away (0 to 1)."""

    weight: float
    clue: Clue


@dataclass(frozen=True, slots=True)
class Cause:
    """One row of the table.

    Attributes:
        key: stable; the allow-list and the history name it.
        title: what is suspected, as a statement.
        steps: what to look at and do, a sentence each.
        commands: to copy; text, never run by the monitor.
    """

    key: str
    title: str
    clues: tuple[Weighed, ...]
    against: tuple[Weighed, ...] = ()
    steps: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


def rank(evidence: Evidence, table: Iterable[Cause]) -> tuple[Suspected, ...]:
    """Return the causes with a score of at least `LEAST_SCORE`, highest first, then by key."""
    found = [suspected for cause in table if (suspected := weigh(evidence, cause)) is not None]
    return tuple(sorted(found, key=lambda s: (-s.score, s.key)))


def weigh(evidence: Evidence, cause: Cause) -> Suspected | None:
    """Return how much a cause is suspected; None when too little speaks for it."""
    doubt, speaks_for = _weigh(evidence, cause.clues)
    kept, speaks_against = _weigh(evidence, cause.against)
    score = round((1.0 - doubt) * kept, 3)
    if score < LEAST_SCORE:
        return None
    return Suspected(
        key=cause.key,
        title=cause.title,
        score=score,
        evidence=speaks_for,
        against=speaks_against,
    )


def _weigh(evidence: Evidence, clues: Iterable[Weighed]) -> tuple[float, tuple[Finding, ...]]:
    """Return the product of what each speaking clue leaves, and what they say, heaviest first."""
    left = 1.0
    said: list[Finding] = []
    for weighed in sorted(clues, key=lambda w: -w.weight):
        finding = weighed.clue(evidence)
        if finding is not None:
            left *= 1.0 - weighed.weight
            said.append(finding)
    return left, tuple(said)
