"""Two servers against each other, interleaved: what differs, and what was not shown to differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ctr_bench.report import tables
from ctr_bench.report.artefacts import Read, parsed
from ctr_bench.report.plots.compare import compare_plot
from ctr_bench.report.sections.figures import APART
from ctr_bench.report.units import moment, number, worded
from ctr_bench.report.view import Banner, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


OWN = ("a", "b", "error", "figures")
"""Fields that are told in words or in a table of their own."""


class Ratio(Read):
    """A figure of B over the same of A, with the ends of its bootstrap interval."""

    value: float = Field(gt=0)
    low: float = Field(gt=0)
    high: float = Field(gt=0)


class Compared(Read):
    """A figure of both sides, over all pairs."""

    a: float
    b: float
    b_over_a: Ratio
    differs: bool

    @property
    def verdict(self) -> str:
        """In words."""
        if not self.differs:
            return "no difference"
        return "higher" if self.b_over_a.value > 1 else "lower"


class Compare(Read):
    """`compare.json`; without figures where too few pairs were run to compare by."""

    kind: Literal["compare"]
    a: str
    b: str
    figures: dict[str, Compared]
    partial: bool = False
    error: str = ""
    fingerprint: dict[str, Any] = Field(default_factory=dict)


def compare_section(key: str, content: dict[str, Any], path: Path) -> Section:
    """Describe a comparison.

    Raises:
        BenchError: a field is absent or malformed.
    """
    compare = parsed(Compare, content, path)
    figures = compare.figures
    date = moment(content.get("date"))
    named = "" if path.stem == "compare" else path.stem
    shown = {name: value for name, value in content.items() if name not in (*APART, *OWN)}
    drawn = [
        (worded(name), one.b_over_a.value, one.b_over_a.low, one.b_over_a.high)
        for name, one in figures.items()
    ]
    return Section(
        kind="compare",
        key=key,
        title="B against A" + (f", {named}" if named else ""),
        source=path,
        lead=_lead(figures)
        + f" A is {compare.a}, B is {compare.b}."
        + (f" Measured {date}." if date else ""),
        answer=(f"{named}: " if named else "") + _lead(figures),
        banners=list(_banners(compare)),
        plots=[compare_plot(f"{key}-ratios", drawn)] if drawn else [],
        tables=[*([_table(figures)] if figures else []), *tables.unknown(shown)],
        fingerprint=compare.fingerprint,
        data={"figures": content["figures"]},
    )


def _banners(compare: Compare) -> Iterator[Banner]:
    if compare.partial:
        why = f": {compare.error}" if compare.error else ""
        yield Banner("bad", f"PARTIAL: the comparison was not measured to its end{why}.")
    elif not compare.figures:
        yield Banner("bad", "NOTHING COMPARED: there are no figures in it.")


def _table(figures: dict[str, Compared]) -> Table:
    rows = [
        (
            worded(name),
            number(one.a),
            number(one.b),
            f"{one.b_over_a.value:.3f}",
            f"{one.b_over_a.low:.3f} to {one.b_over_a.high:.3f}",
            one.verdict,
        )
        for name, one in figures.items()
    ]
    return Table("Ratios of B to A", ("figure", "A", "B", "ratio", "interval", "verdict"), rows)


def _lead(figures: dict[str, Compared]) -> str:
    if not figures:
        return "Too few pairs were run to compare by."
    different = {name: one for name, one in figures.items() if one.differs}
    if not different:
        return "No difference was shown in any figure."
    told = [
        f"{worded(name)} {100 * (one.b_over_a.value - 1):+.1f} %" for name, one in different.items()
    ]
    same = len(figures) - len(different)
    rest = f"; no difference was shown in {same} more" if same else ""
    return f"B against A: {', '.join(told)}{rest}."
