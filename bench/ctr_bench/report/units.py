"""Values as people read them."""

from __future__ import annotations

import math
from datetime import datetime

ENDLESS = "endless"
"""A percentile over requests of which too many were never answered well."""


UNITS = {
    "_requests_s": " requests/s",
    "_pairs_s": " pairs/s",
    "_tokens_s": " tokens/s",
    "_bytes": "",
    "_mb": ", MB",
    "_ms": ", ms",
    "_us": ", µs",
    "_ns": ", ns",
    "_s": ", s",
}
"""Ending of a field's name -> how its unit is written after the words; bytes tell theirs."""


def number(value: float | None) -> str:
    """Return three significant digits, and whole numbers from 100 on."""
    if value is None or math.isnan(value):
        return "–"  # noqa: RUF001 -- the dash of an empty cell
    if math.isinf(value):
        return "∞"
    size = abs(value)
    if size >= 99.95:  # noqa: PLR2004 -- below, one digit after the point is left
        return f"{value:,.0f}"
    return f"{value:.3g}" if size else "0"


def milliseconds(value: float | None) -> str:
    """Return a latency; absent and infinite ones are endless."""
    if value is None or not math.isfinite(value):
        return ENDLESS
    if value >= 99.95:  # noqa: PLR2004 -- see `number`
        return f"{value:,.0f} ms"
    # All three digits, so that a column of them lines up: 17.0 ms under 16.8 ms.
    return f"{value:#.3g} ms".replace(". ", " ")


def share(value: float | None) -> str:
    """Return a share of 1 as a percentage that does not round a loss away."""
    if value is None or math.isnan(value):
        return "–"  # noqa: RUF001 -- the dash of an empty cell
    percent = 100 * value
    if 99 < percent < 100:  # noqa: PLR2004 -- the nines matter there
        return f"{math.floor(percent * 1_000) / 1_000:g} %"
    return f"{percent:.3g} %"


def data_size(value: float) -> str:
    """Return bytes in the largest unit of which there is at least one."""
    for name, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return f"{value:,.0f} bytes"


def spaced(name: str) -> str:
    """Return a field's name as words, and the unit at its end as one writes it."""
    words = worded(name)
    return words + UNITS.get(name[len(words) :], "")


def worded(name: str) -> str:
    """Return a field's name as words, its unit left out."""
    ending = next((one for one in UNITS if name.endswith(one) and len(name) > len(one)), "")
    return name.removesuffix(ending).replace("_", " ")


def moment(value: object) -> str:
    """Return a time of ISO 8601 as people write it, other text as it is, "" for anything else."""
    if not isinstance(value, str):
        return ""
    try:
        return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M %Z}".strip()
    except ValueError:
        return value


def seconds(value: float) -> str:
    """Return a length of time."""
    if value >= 120:  # noqa: PLR2004 -- two minutes
        return f"{value / 60:.3g} min"
    return f"{value:.3g} s"


def plain(value: object) -> str:
    """Return any value of a JSON file in a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return number(value)
    if value is None:
        return "–"  # noqa: RUF001 -- the dash of an empty cell
    if isinstance(value, list):
        return ", ".join(map(plain, value)) if value else "none"
    return str(value)
