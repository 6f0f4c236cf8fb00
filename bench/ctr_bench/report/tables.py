"""Tables of any JSON, for what has no plot of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctr_bench.report.units import data_size, number, plain, spaced
from ctr_bench.report.view import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SPREAD = "_spread"
"""Suffix of a figure's [least, greatest] in the JSON of `ctr_bench.results`."""
MAX_LIST = 24
"""A longer list of numbers is data for a plot, and says nothing as a cell."""


def facts(title: str, content: Mapping[str, Any]) -> Table | None:
    """Return a table of two columns; names of nested fields are joined by points."""
    rows = [(spaced(name), _cell(name, value)) for name, value in flat(content)]
    return Table(title, ("", "value"), rows) if rows else None


def records(title: str, items: Sequence[Mapping[str, Any]]) -> Table | None:
    """Return a table with a row an item; a column for each field that holds one value."""
    columns = list(
        dict.fromkeys(n for item in items for n, value in item.items() if _single(value))
    )
    rows = [[_cell(name, item.get(name)) for name in columns] for item in items]
    return Table(title, [spaced(name) for name in columns], rows) if columns else None


def medians(content: Mapping[str, Any]) -> Table | None:
    """Return the figures that have a spread: median, least, greatest."""
    rows = []
    for name, spread in content.items():
        figure = name.removesuffix(SPREAD)
        if name == figure or not _pair(spread) or not _number(content.get(figure)):
            continue
        least, most = spread
        median, low, high = (_cell(figure, one) for one in (content[figure], least, most))
        rows.append((spaced(figure), median, f"{low} to {high}"))
    return Table("Figures", ("figure", "median", "spread"), rows) if rows else None


def others(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `medians` leaves."""
    return {
        name: value
        for name, value in content.items()
        if not name.endswith(SPREAD) and name + SPREAD not in content
    }


def unknown(content: Mapping[str, Any]) -> list[Table]:
    """Return tables of everything: single values first, then each list of objects."""
    found = [
        facts("Facts", {name: value for name, value in content.items() if not _items(value)}),
        *(records(spaced(name), value) for name, value in content.items() if _items(value)),
    ]
    return [table for table in found if table is not None]


def _cell(name: str, value: object) -> str:
    if name.endswith("_bytes") and _number(value):
        return data_size(float(value))  # type: ignore[arg-type]  # -- a number
    return number(value) if isinstance(value, float) else plain(value)


def flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the single values, under names joined by points."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        elif _single(value):
            yield prefix + name, value


def _single(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= MAX_LIST and not any(isinstance(one, dict | list) for one in value)
    return not isinstance(value, dict)


def _items(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_number, value))  # noqa: PLR2004 -- least and greatest


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
