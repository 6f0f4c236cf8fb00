"""Durations as Prometheus writes them: `5m`, `1h`, `3d`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import PlainValidator

UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
"""Largest first; `str` takes the first that divides."""
_PATTERN = re.compile(r"(\d+)(ms|s|m|h|d)")


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in whole milliseconds."""

    ms: int

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read a whole number and a unit.

        Raises:
            ValueError: it is something else.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError("a whole number with one of the units ms, s, m, h, d, such as 5m")
        return cls(int(match[1]) * UNITS_MS[match[2]])

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.ms / UNITS_MS["s"]

    def times(self, factor: float) -> Duration:
        """Return it stretched, rounded to whole milliseconds."""
        return Duration(round(self.ms * factor))

    def __str__(self) -> str:
        unit = next(unit for unit, ms in UNITS_MS.items() if self.ms % ms == 0 and self.ms >= ms)
        return f"{self.ms // UNITS_MS[unit]}{unit}"


def _validated(value: object) -> Duration:
    if isinstance(value, Duration):
        return value
    if not isinstance(value, str):
        raise ValueError("a whole number with one of the units ms, s, m, h, d, such as 5m")  # noqa: TRY004 -- what pydantic turns into its own error
    duration = Duration.parse(value)
    if duration.ms == 0:
        raise ValueError("longer than nothing")
    return duration


DurationField = Annotated[Duration, PlainValidator(_validated)]
"""A field of a model that is written as text."""
