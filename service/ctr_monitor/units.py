"""Numbers as a person reads them, by the unit of a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KILO = 1000.0


def told(value: float | None, unit: str) -> str:
    """Return a value with its unit, such as "2.4 %", "380 ms", "1.2 GB"; "none" for None."""
    if value is None:
        return "none"
    form = FORMS.get(unit)
    return f"{_digits(value)} {unit}" if form is None else form(value)


def duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as "2 h 5 min" or "3.2 s"."""
    if seconds < 60:  # noqa: PLR2004 -- a minute
        return f"{_digits(seconds)} s"
    minutes, left_s = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 -- an hour
        return f"{minutes} min {left_s} s" if left_s else f"{minutes} min"
    hours, left_min = divmod(minutes, 60)
    if hours < 24:  # noqa: PLR2004 -- a day
        return f"{hours} h {left_min} min" if left_min else f"{hours} h"
    days, left_h = divmod(hours, 24)
    return f"{days} d {left_h} h" if left_h else f"{days} d"


def _digits(value: float) -> str:
    """Three digits that matter, no exponent, thousands apart."""
    size = abs(value)
    if size >= 100:  # noqa: PLR2004 -- three digits before the point
        return f"{value:,.0f}"
    if size >= 10:  # noqa: PLR2004 -- two
        return f"{value:.1f}".removesuffix(".0")
    if size >= 1:
        return f"{value:.2f}".rstrip("0").rstrip(".")
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0", "0"} else text


def _scaled(value: float, units: tuple[str, ...]) -> str:
    for unit in units[:-1]:
        if abs(value) < KILO:
            return f"{_digits(value)} {unit}"
        value /= KILO
    return f"{_digits(value)} {units[-1]}"


FORMS: Mapping[str, Callable[[float], str]] = {
    "share": lambda value: f"{_digits(value * 100)} %",
    "us": lambda value: f"{_digits(value)} µs",
    "bytes": lambda value: _scaled(value, ("B", "kB", "MB", "GB", "TB")),
    "s": duration,
    "calls/s": lambda value: f"{_digits(value)}/s",
    "count": _digits,
    "per s": lambda value: f"{_digits(value)}/s",
}
"""Units that are not simply put behind the number."""
