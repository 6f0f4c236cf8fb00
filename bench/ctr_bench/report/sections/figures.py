"""A bench without a section of its own: its figures as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.report import tables
from ctr_bench.report.units import moment, spaced
from ctr_bench.report.view import Banner, Section

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

APART = ("kind", "schema", "partial", "fingerprint", "date")


def figures_section(key: str, content: dict[str, Any], path: Path) -> Section:
    """Describe any JSON object that a bench wrote."""
    shown = {name: value for name, value in content.items() if name not in APART}
    fingerprint = content.get("fingerprint")
    figures = tables.medians(shown)
    date = moment(content.get("date"))
    partial = [Banner("bad", "PARTIAL: the bench was stopped before its end.")]
    return Section(
        kind="figures",
        key=key,
        title=spaced(path.stem),
        source=path,
        lead=f"Measured {date}." if date else "",
        banners=partial if content.get("partial") else [],
        tables=[*([figures] if figures else []), *tables.unknown(tables.others(shown))],
        fingerprint=fingerprint if isinstance(fingerprint, dict) else {},
        data={"content": shown},
    )
