"""One kind of file a module: what a reader should see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.report.artefacts import read_json
from ctr_bench.report.sections.compare import compare_section
from ctr_bench.report.sections.figures import figures_section
from ctr_bench.report.sections.peers import peers_section
from ctr_bench.report.sections.plan import plan_section
from ctr_bench.report.sections.run import run_section
from ctr_bench.report.sections.sweep import sweep_section
from ctr_bench.run_folder import RUN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctr_bench.report.view import Section

BY_KIND = {
    "run": run_section,
    "sweep": sweep_section,
    "compare": compare_section,
    "peers": peers_section,
    "plan": plan_section,
}
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
    taken: set[str] = set()
    for path in files:
        content = read_json(path)
        kind = str(content.get("kind", path.stem))
        if kind == OURS:
            continue
        make = BY_KIND.get(kind, figures_section)
        found.append(make(_key(path, taken), content, path))
    return sorted(found, key=lambda section: (ORDER.index(section.kind), _age(section)))


def _age(section: Section) -> float:
    """Runs go by time; files without one stay where they are."""
    return section.date.timestamp() if section.date else 0.0


def _key(path: Path, taken: set[str]) -> str:
    """Return a name that is no other section's, for anchors and files."""
    name = f"run-{path.parent.name}" if path.name == RUN else path.stem
    slug = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")
    key = slug = slug or "file"
    number = 1
    while key in taken:
        number += 1
        key = f"{slug}-{number}"
    taken.add(key)
    return key
