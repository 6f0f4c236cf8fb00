"""Two servers against each other, interleaved: what differs, and what was not shown to differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, Field, field_validator

from ctr_bench.report import tables
from ctr_bench.report.artefacts import Read, parsed
from ctr_bench.report.plots.compare import compare_plot
from ctr_bench.report.sections.figures import APART
from ctr_bench.report.units import worded
from ctr_bench.report.view import Banner, Section, Table

if TYPE_CHECKING:
    from pathlib import Path


class Ratio(Read):
    """A figure of B over the same of A, with the ends of its bootstrap interval."""

    name: str = Field(validation_alias=AliasChoices("name", "figure"))
    ratio: float = Field(gt=0)
    low: float = Field(gt=0)
    high: float = Field(gt=0)

    @property
    def verdict(self) -> str:
        """In words."""
        if self.low <= 1 <= self.high:
            return "no difference"
        return "higher" if self.ratio > 1 else "lower"


class Compare(Read):
    """`compare.json`; the ratios as a list, or by the figure's name."""

    ratios: list[Ratio] = Field(min_length=1)
    fingerprint: dict[str, Any] = Field(default_factory=dict)

    @field_validator("ratios", mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return [{"name": name, **one} for name, one in value.items() if isinstance(one, dict)]


def compare_section(key: str, content: dict[str, Any], path: Path) -> Section:
    """Describe a comparison.

    Raises:
        BenchError: a field is absent or malformed.
    """
    compare = parsed(Compare, content, path)
    ratios = compare.ratios
    rows = [
        (
            worded(one.name),
            f"{one.ratio:.3f}",
            f"{one.low:.3f} to {one.high:.3f}",
            one.verdict,
        )
        for one in ratios
    ]
    shown = {name: value for name, value in content.items() if name not in (*APART, "ratios")}
    partial = [Banner("bad", "PARTIAL: the comparison was stopped before its end.")]
    drawn = [(worded(one.name), one.ratio, one.low, one.high) for one in ratios]
    return Section(
        kind="compare",
        key=key,
        title="B against A",
        source=path,
        lead=_lead(ratios),
        answer=_lead(ratios),
        banners=partial if content.get("partial") else [],
        plots=[compare_plot(f"{key}-ratios", drawn)],
        tables=[
            Table("Ratios of B to A", ("figure", "ratio", "interval", "verdict"), rows),
            *tables.unknown(shown),
        ],
        fingerprint=compare.fingerprint,
        data={"ratios": content["ratios"]},
    )


def _lead(ratios: list[Ratio]) -> str:
    different = [one for one in ratios if one.verdict != "no difference"]
    if not different:
        return "No difference was shown in any figure."
    told = [f"{worded(one.name)} {100 * (one.ratio - 1):+.1f} %" for one in different]
    same = len(ratios) - len(different)
    rest = f"; no difference was shown in {same} more" if same else ""
    return f"B against A: {', '.join(told)}{rest}."
