"""A bench's figures: collected over repeats, printed as a table, written as JSON."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table

from ctr_bench.errors import BenchError
from ctr_bench.figures import median_and_spread
from ctr_bench.fingerprint import fingerprint

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class Results:
    """Figures by name, one value a repeat, and facts that hold for the whole run."""

    facts: dict[str, object] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, figures: Mapping[str, float]) -> None:
        """Take one repeat's figures; a figure of nothing (NaN) is left out."""
        for name, value in figures.items():
            if not math.isnan(value):
                self.values.setdefault(name, []).append(value)

    def as_json(self) -> dict[str, object]:
        """Return facts, and for each figure its median, `<name>_spread` [least, greatest]."""
        found: dict[str, object] = dict(self.facts)
        for name, values in self.values.items():
            found[name], found[f"{name}_spread"] = median_and_spread(values)
        return found

    def table(self, title: str) -> Table:
        """Draw the figures for people."""
        table = Table(title=title)
        table.add_column("figure")
        table.add_column("median", justify="right")
        table.add_column("spread", justify="right")
        for name, values in self.values.items():
            median, (least, most) = median_and_spread(values)
            table.add_row(name, _plain(median), f"{_plain(least)} to {_plain(most)}")
        return table


def write_results(results: Results, path: Path) -> None:
    """Write them as JSON, with the date and on what they were measured."""
    write_json({"date": now(), **results.as_json(), "fingerprint": fingerprint()}, path)


def now() -> str:
    """Return date and time as results carry them."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_json(content: Mapping[str, object], path: Path) -> None:
    """Write JSON aside and rename it; what is endless or not a number becomes null.

    Raises:
        BenchError: it cannot be written; the file that was there is untouched.
    """
    aside = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(_finite(content), indent=2, allow_nan=False) + "\n")
        aside.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise BenchError(f"{path} cannot be written: {error.strerror}") from None


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(own) for name, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(own) for own in value]
    return value


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"  # noqa: PLR2004 -- a look
