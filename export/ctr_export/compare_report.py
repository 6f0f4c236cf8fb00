"""A comparison of bundles as a table for people and as JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from ctr_export.compare import Comparison, Line

COLUMNS = (
    "bundle",
    "layers",
    "graph",
    "MB",
    "pairs/s",
    "x first",
    "AUC",
    "AUC cost",
    "95 % interval",
    "lift kept",
)
MEGABYTE = 1e6
MARKS = (
    "* is what the bundle serves. Others stand beside the first bundle's graph of the same "
    "precision, or beside its default."
)


def comparison_table(comparison: Comparison) -> Table:
    """Return a line for each graph; the first bundle's are what the others stand beside."""
    table = Table(title="Bundles side by side", title_justify="left")
    for name in COLUMNS:
        left = name in {"bundle", "graph"}
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    folders = {line.entry.number: line.entry.bundle.folder for line in comparison.lines}
    short = len({folder.name for folder in folders.values()}) == len(folders)
    for line in comparison.lines:
        folder = line.entry.bundle.folder
        table.add_row(folder.name if short else str(folder), *_cells(line))
    return table


def comparison_notes(comparison: Comparison) -> list[str]:
    """Return what must be known to read the table."""
    layout = comparison.layout
    rows = (
        f"AUC of {comparison.pairs:,} held-out rows, the same for every graph."
        if comparison.pairs
        else "AUC as each trainer wrote it down, of the checkpoint and not of the graph; "
        "--rows CHECKPOINT scores the same rows with every graph."
    )
    timed = (
        f"All were timed in turn on the same batches: {layout.sessions} x "
        f"{layout.threads_a_session} threads, at most {layout.max_batch_tokens:,} tokens a batch."
    )
    return [MARKS, timed, rows]


def comparison_json(comparison: Comparison) -> dict[str, object]:
    """Return all figures."""
    return {
        "pairs": comparison.pairs,
        "layout": comparison.layout.model_dump(mode="json"),
        "graphs": [_figures(line) for line in comparison.lines],
    }


def _figures(line: Line) -> dict[str, object]:
    entry, cost = line.entry, line.cost
    return {
        "bundle": str(entry.bundle.folder),
        "model_version": entry.bundle.manifest.model_version,
        "layers": entry.layers,
        "engine": entry.engine,
        "precision": entry.precision,
        "default": entry.is_default,
        "size_bytes": entry.variant.size_bytes,
        "pairs_per_second": line.speed.pairs_per_second,
        "noise": line.speed.noise,
        "beside": None if line.rival is None else line.rival.name,
        "speed_ratio": line.ratio,
        "auc": line.auc,
        "auc_less_first": line.auc_less_rival,
        "auc_less_first_low": None if cost is None else cost.low,
        "auc_less_first_high": None if cost is None else cost.high,
        "lift_kept": line.lift_kept,
    }


def _cells(line: Line) -> list[str]:
    entry, cost = line.entry, line.cost
    return [
        "-" if entry.layers is None else str(entry.layers),
        entry.name + (" *" if entry.is_default else ""),
        f"{entry.variant.size_bytes / MEGABYTE:.1f}",
        f"{line.speed.pairs_per_second:,.0f}",
        _shown(line.ratio, ".2f"),
        _shown(line.auc, ".4f"),
        _shown(line.auc_less_rival, "+.4f"),
        "-" if cost is None else f"{cost.low:+.4f} to {cost.high:+.4f}",
        _shown(line.lift_kept, ".3f"),
    ]


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
