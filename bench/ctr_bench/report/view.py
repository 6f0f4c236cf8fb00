"""What the page shows, before it is HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from ctr_bench.report.drawing import Plot

MAX_BESIDE = 4
"""Columns of a table that is half as wide as the page."""


@dataclass(frozen=True, slots=True)
class Banner:
    """A sentence that a reader must not miss: the figures mean less than they seem."""

    level: Literal["bad", "warn"]
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first column names the row, numbers stand to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Section:
    """One file's part of the page.

    Attributes:
        kind: "plan", "sweep", "compare", "peers", "run" or "figures".
        key: names its anchor and its plots.
        lead: what it says, in a sentence or two.
        answer: the same in short, for the head of the page; "" where it decides nothing.
        glance: (name, value) of the figures to see first.
        first: tables that come before the plots.
        source: the file that it was made of.
        raw: files with the data behind it, the source left out.
        command: what measured it.
        date: when.
        fingerprint: of the machine and the software; empty where the file has none.
        data: what was computed for its plots, for the report's JSON.
    """

    kind: str
    key: str
    title: str
    source: Path
    lead: str = ""
    answer: str = ""
    banners: Sequence[Banner] = ()
    glance: Sequence[tuple[str, str]] = ()
    plots: Sequence[Plot] = ()
    first: Sequence[Table] = ()
    tables: Sequence[Table] = ()
    raw: Sequence[Path] = ()
    command: str = ""
    date: datetime | None = None
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether its figures may be used as they are."""
        return all(banner.level != "bad" for banner in self.banners)

    @property
    def beside(self) -> bool:
        """Whether the first table fits beside the plots: where one plot would stand alone."""
        first = self.tables[:1]
        return len(self.plots) == 1 and any(len(one.columns) <= MAX_BESIDE for one in first)
