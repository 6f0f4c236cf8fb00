"""All runs in one table, where there are several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.report.view import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_bench.report.view import Section

COLUMNS = ("offered", "goodput", "p50", "p99", "good answers", "requests")
"""Names in a run's glance."""


def runs_table(sections: Sequence[Section]) -> Table | None:
    """Return a row a run; None where one run says all by itself."""
    runs = [section for section in sections if section.kind == "run"]
    if len(runs) < 2:  # noqa: PLR2004 -- see above
        return None
    rows = []
    for run in runs:
        glance = dict(run.glance)
        state = ", ".join(
            b.text.split(":")[0].split(",")[0].lower() for b in run.banners if b.level == "bad"
        )
        rows.append((run.title, *(glance.get(name, "–") for name in COLUMNS), state or "valid"))  # noqa: RUF001 -- the dash of an empty cell
    return Table("All runs", ("run", *COLUMNS, "state"), rows)
