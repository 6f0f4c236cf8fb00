"""Figures by target: collected over repeats, printed as a table, written as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.table import Table

from ctr_bench.figures import median_and_spread
from ctr_bench.results import Results

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_bench.trial import Goodput

COLUMNS = {
    "goodput_pairs_s": ("goodput", ",.0f"),
    "bound_ratio": ("of bound", ".2f"),
    "p50_ms": ("p50 ms", ",.0f"),
    "p99_ms": ("p99 ms", ",.0f"),
    "saturated_pairs_s": ("saturated", ",.0f"),
    "saturated_ratio": ("of bound", ".2f"),
    "rss_mb": ("MB", ",.0f"),
    "others_cpu_share": ("others", ".0%"),
}
"""Figure -> its heading and format, in the table's order; rates are pairs a second."""


@dataclass(slots=True)
class PeerResults(Results):
    """Beside the run's own figures, those of each target: name -> figure -> one value a repeat.

    A figure of nothing is None: a target that held no rate has a goodput of 0 and no latency.
    """

    targets: dict[str, dict[str, list[float | None]]] = field(default_factory=dict)

    def add_target(self, name: str, figures: Mapping[str, float | None]) -> None:
        """Take one repeat's figures of one target."""
        columns = self.targets.setdefault(name, {})
        for figure, value in figures.items():
            columns.setdefault(figure, []).append(value)

    def add_failure(self, name: str, why: str) -> None:
        """Note that a target could not be measured in one repeat; it keeps its place."""
        self.targets.setdefault(name, {})
        failed = self.facts.setdefault("failed", {})
        failed[name] = why  # type: ignore[index]  # -- a dictionary of this class

    def median(self, name: str, figure: str) -> float | None:
        """Return the median over the repeats that have the figure; None where none has."""
        known = [value for value in self.targets[name].get(figure, ()) if value is not None]
        return median_and_spread(known)[0] if known else None

    def as_json(self) -> dict[str, object]:
        """Return facts, the run's figures, and `targets`: name -> figure -> median.

        With several repeats `<figure>_spread` holds [least, greatest].
        """
        # Not `super()`: a dataclass with slots is made anew, and the name would miss its class.
        found = Results.as_json(self)
        found["targets"] = {name: self._target_json(name) for name in self.targets}
        return found

    def _target_json(self, name: str) -> dict[str, object]:
        found: dict[str, object] = {}
        for figure, values in self.targets[name].items():
            found[figure] = self.median(name, figure)
            known = [value for value in values if value is not None]
            if len(known) > 1:
                found[f"{figure}_spread"] = list(median_and_spread(known)[1])
        return found

    def table(self, title: str) -> Table:
        """Draw one row a target."""
        table = Table(title=title)
        table.add_column("target")
        for heading, _ in COLUMNS.values():
            table.add_column(heading, justify="right")
        for name in self.targets:
            table.add_row(name, *(self._cell(name, figure) for figure in COLUMNS))
        return table

    def _cell(self, name: str, figure: str) -> str:
        value = self.median(name, figure)
        return "-" if value is None else format(value, COLUMNS[figure][1])


def goodput_figures(found: Goodput) -> dict[str, float | None]:
    """Return what the search found; None where no rate held."""
    figures, judgement = found.figures, found.judgement
    return {
        "goodput_pairs_s": found.pairs_s,
        "p50_ms": figures.p50_ms if figures else None,
        "p99_ms": figures.p99_ms if figures else None,
        "send_lag_p99_ms": figures.send_lag_p99_ms if figures else None,
        "requests": judgement.requests if judgement else None,
        "confirmed": float(found.confirmed),
    }
