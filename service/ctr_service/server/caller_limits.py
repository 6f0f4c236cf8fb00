"""What one caller may use: a rate in tokens, and lists at a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """A caller's limits; None is no limit.

    Attributes:
        tokens_per_second: tokens of rows, padding left out.
        concurrent_lists: lists that are being scored at the same time.
    """

    tokens_per_second: int | None = None
    concurrent_lists: int | None = None
