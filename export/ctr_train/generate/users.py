"""Who searches: how a user looks at prices, and the department that they like best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_train.generate.catalogue import DEPARTMENTS

if TYPE_CHECKING:
    from numpy.random import Generator

SEGMENTS = ("saver", "regular", "premium")
SEGMENT_SHARES = (0.35, 0.35, 0.3)


@dataclass(frozen=True, slots=True)
class User:
    """One user in one search: indices into SEGMENTS and DEPARTMENTS."""

    segment: int
    favourite: int


def draw_user(rng: Generator) -> User:
    """Draw a user."""
    return User(
        segment=int(rng.choice(len(SEGMENTS), p=SEGMENT_SHARES)),
        favourite=int(rng.integers(len(DEPARTMENTS))),
    )
