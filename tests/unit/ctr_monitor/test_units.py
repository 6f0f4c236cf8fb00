"""Numbers as a person reads them."""

from __future__ import annotations

import pytest

from ctr_monitor.units import duration, told


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0234, "share", "2.34 %"),
        (0.0, "share", "0 %"),
        (1.0, "share", "100 %"),
        (380.4, "ms", "380 ms"),
        (12.04, "us", "12 µs"),
        (1.234, "ms", "1.23 ms"),
        (0.0004, "ms", "0 ms"),
        (12345.6, "calls/s", "12,346/s"),
        (1.2e9, "bytes", "1.2 GB"),
        (12, "bytes", "12 B"),
        (3.0, "count", "3"),
        (0.5, "per s", "0.5/s"),
        (90.0, "s", "1 min 30 s"),
        (None, "ms", "none"),
        (-0.0001, "ms", "0 ms"),
    ],
)
def test_values_are_told(value: float | None, unit: str, text: str) -> None:
    """Three digits that matter, with the unit."""
    assert told(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.25 s"),
        (59.4, "59.4 s"),
        (60, "1 min"),
        (3725, "1 h 2 min"),
        (7200, "2 h"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations_are_told(seconds: float, text: str) -> None:
    """The two largest units."""
    assert duration(seconds) == text
