"""One kind of file a module: what a reader should see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.report.artefacts import read_json
from ctr_bench.report.sections.figures import figures_section
from ctr_bench.report.sections.run import run_section
from ctr_bench.report.sections.sweep import sweep_section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctr_bench.report.view import Section

BY_KIND = {"run": run_section, "sweep": sweep_section}
ORDER = ("plan", "sweep", "compare", "peers", "run", "figures")
"""What decides comes first, what it rests on after it."""
OURS = "report"
"""The kind of the report's own JSON, which is no input."""


def sections_of(files: Sequence[Path]) -> list[Section]:
    """Read the files and describe each, in the order of the page; to be called inside `styled`.

    Raises:
        BenchError: a file is malformed; the message names it and its field.
    """
    found = []
    for number, path in enumerate(files):
        content = read_json(path)
        kind = content.get("kind")
        if kind == OURS:
            continue
        make = BY_KIND.get(kind, figures_section) if isinstance(kind, str) else figures_section
        found.append(make(f"s{number + 1}", content, path))
    return sorted(found, key=lambda section: ORDER.index(section.kind))
