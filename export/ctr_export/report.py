"""An export as tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ctr_export.gate import unjudged
from ctr_export.triton.wire import pair_bytes, usual_pair_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from ctr_export.layout import TriedLayout
    from ctr_service.bundle.manifest import Layout, Manifest, ParityFigures

    _Column: TypeAlias = tuple[str, str, float | None, ParityFigures | None]

WIDTH = 120
"""Columns where the output is no terminal."""
CHOSEN, OFFERED, REFUSED, NOT_RUN = "default", "in the bundle", "refused", "not run"

_FIGURES: tuple[tuple[str, Callable[[ParityFigures], float | None], str], ...] = (
    ("pairs judged", lambda f: f.pairs, ",.0f"),
    ("max |Δ logit|", lambda f: f.max_abs_delta_logit, ".2g"),
    ("max |Δ p|", lambda f: f.max_abs_delta_probability, ".2g"),
    ("p99 |Δ p|", lambda f: f.p99_abs_delta_probability, ".2g"),
    ("AUC", lambda f: f.auc, ".4f"),
    ("Δ AUC", lambda f: f.auc_delta, "+.4f"),
    ("ECE, own calibration", lambda f: f.ece, ".4f"),
    ("Δ ECE", lambda f: f.ece_delta, "+.4f"),
    ("rank correlation in lists", lambda f: f.rank_correlation, ".4f"),
    ("other batch-mates: max |Δ p|", lambda f: f.invariance_max, ".2g"),
    ("other batch-mates: p99 |Δ p|", lambda f: f.invariance_p99, ".2g"),
)


def plain_console() -> Console:
    """Return a console on stdout that guesses no colours; tables keep their width in a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def figures_tables(manifest: Manifest) -> list[Table]:
    """Return a table for each engine: a column for each graph tried on it, a row a figure."""
    columns: dict[str, list[_Column]] = {}
    for engines in manifest.graphs.values():
        for engine, variants in engines.items():
            for precision, v in variants.items():
                standing = _standing(manifest, engine, precision)
                columns.setdefault(engine, []).append(
                    (precision, standing, v.pairs_per_second, v.parity)
                )
    for r in manifest.rejected:
        standing = NOT_RUN if r.pairs_per_second is None else REFUSED
        columns.setdefault(r.engine, []).append(
            (r.precision, standing, r.pairs_per_second, r.parity)
        )
    return [_figures_table(engine, own) for engine, own in sorted(columns.items())]


def layouts_table(tried: Sequence[TriedLayout], chosen: Layout) -> Table:
    """Return a row for each layout that was measured."""
    table = Table(title="Layouts of the default graph", title_justify="left")
    for name in ("sessions", "threads", "batch tokens", "pairs/s", "served", ""):
        table.add_column(name, justify="right")
    for one in tried:
        table.add_row(
            str(one.layout.sessions),
            str(one.layout.threads_a_session),
            f"{one.layout.max_batch_tokens:,}",
            f"{one.speed.pairs_per_second:,.0f}",
            f"{one.served_pairs_s:,.0f}",
            "chosen" if one.layout == chosen else "",
        )
    return table


def facts_table(manifest: Manifest, folder: str) -> Table:
    """Return what the bundle is, a fact a row."""
    layout, default = manifest.layout, manifest.default
    variant = manifest.variant(default.graph, default.engine, default.precision)
    segments = ", ".join(f"{s.name.value} {s.max_tokens}" for s in manifest.template.segments)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    rows = {
        "bundle": folder,
        "model": f"{manifest.model_name} {manifest.model_version}",
        "meaning": manifest.target,
        "default": f"{default.graph}/{default.engine}/{default.precision}, measured on "
        f"{default.cpu}",
        "calibration": variant.calibration.kind,
        "base rate": f"{manifest.base_rate:.4f}",
        "row": f"at most {manifest.template.max_row_tokens} tokens: {segments}",
        "features": ", ".join(f.qualified_name for f in manifest.features.features) or "none",
        "buckets": ", ".join(map(str, layout.buckets_tokens)) + " tokens",
        "layout": f"{layout.sessions} x {layout.threads_a_session} threads, at most "
        f"{layout.max_batch_tokens:,} tokens a batch",
        "to Triton": _wire(manifest),
        "tools": ", ".join(f"{name} {version}" for name, version in manifest.tools.items()),
    }
    for name, text in rows.items():
        table.add_row(name, text)
    return table


def remarks(manifest: Manifest) -> list[str]:
    """Return a line for each reason of a refusal, and for each figure that is not known."""
    lines = [
        f"refused: {one.engine}/{one.precision}: {why}"
        for one in manifest.rejected
        for why in one.failures
    ]
    for engines in manifest.graphs.values():
        for engine, variants in engines.items():
            for precision, variant in variants.items():
                lines += [f"note: {engine}/{precision}: {why}" for why in unjudged(variant.parity)]
    return lines


def _wire(manifest: Manifest) -> str:
    if not manifest.triton:
        return "no repositories: an older release wrote the bundle"
    default = manifest.default
    variant = manifest.variant(default.graph, default.engine, default.precision)
    first, last = manifest.layout.buckets_tokens[0], manifest.layout.buckets_tokens[-1]
    sent = [pair_bytes(variant.inputs, bucket) for bucket in (first, last)]
    usual = [usual_pair_bytes(bucket) for bucket in (first, last)]
    return (
        f"{', '.join(manifest.triton)}; a pair of {first} to {last} tokens is {sent[0]} to "
        f"{sent[1]} bytes (int64 ids, mask and types: {usual[0]} to {usual[1]}), its answer "
        f"{pair_bytes(variant.outputs, last)}"
    )


def _standing(manifest: Manifest, engine: str, precision: str) -> str:
    chosen = (engine, precision) == (manifest.default.engine, manifest.default.precision)
    return CHOSEN if chosen else OFFERED


def _figures_table(engine: str, columns: Sequence[_Column]) -> Table:
    table = Table(title=f"Graphs on {engine} against PyTorch float32", title_justify="left")
    table.add_column("")
    for name, *_ in columns:
        table.add_column(name, justify="right")
    table.add_row("", *(standing for _, standing, _, _ in columns))
    table.add_row("pairs/s", *(_shown(speed, ",.0f") for _, _, speed, _ in columns))
    for name, value, form in _FIGURES:
        table.add_row(name, *("-" if p is None else _shown(value(p), form) for *_, p in columns))
    return table


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
