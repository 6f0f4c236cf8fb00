"""Printing for people, and `report.json` for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from ctr_service.bundle.files import write_text_aside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from ctr_demo.checks import Check
    from ctr_demo.scoring import ScoredSearch

EXAMPLES = 3
TOP = 5


def print_examples(console: Console, scored: Sequence[ScoredSearch]) -> None:
    """Print a few searches with their best titles."""
    step = max(1, len(scored) // EXAMPLES)
    for result in list(scored)[::step][:EXAMPLES]:
        user = ", ".join(f"{k} {v}" for k, v in result.search.user_features.items())
        title = f'"{escape(result.search.query)}"' + (f"  ({escape(user)})" if user else "")
        table = Table(title=title, title_justify="left", show_header=True)
        table.add_column("P(click)", justify="right")
        table.add_column(f"title (top {TOP} of {len(result.search.items)})")
        best = sorted(
            zip(result.probabilities, result.search.items, strict=True), key=lambda pair: -pair[0]
        )
        for probability, item in best[:TOP]:
            table.add_row(f"{probability:.4f}", escape(item.title))
        console.print(table)


def print_checks(console: Console, title: str, checks: Sequence[Check], *, miss: str) -> None:
    """Print what was asked for beside what was measured; nothing for no checks."""
    if not checks:
        return
    table = Table(title=title, title_justify="left")
    for column in ("", "measured", "asked", ""):
        table.add_column(column)
    for check in checks:
        verdict = "[green]holds[/green]" if check.holds else f"[bold red]{miss}[/bold red]"
        table.add_row(check.name, check.measured, check.promised, verdict)
    console.print(table)


def write_report(path: Path, report: Mapping[str, object]) -> None:
    """Write the report whole or not at all."""
    write_text_aside(path, json.dumps(report, indent=2) + "\n")


def print_summary(console: Console, figures: Mapping[str, float], *, generated: bool) -> None:
    """Print the figures that a person asks for first."""
    source = "a GENERATED log" if generated else "your log"
    table = Table(title=f"held-out searches of {source}", title_justify="left", show_header=False)
    for name, meaning in _MEANINGS.items():
        if name in figures:
            value = figures[name]
            table.add_row(name, f"{value:,.0f}" if name in _COUNTS else f"{value:.4f}", meaning)
    console.print(table)


_COUNTS = {"searches", "pairs"}
_MEANINGS = {
    "searches": "searches sent over gRPC, one after another",
    "pairs": "candidates scored",
    "auc_served": "AUC of the served probabilities",
    "auc_offline": "AUC of the same graph in process",
    "auc_bayes": "AUC of the true attraction: the best that can be reached",
    "auc_baseline": "AUC of TF-IDF with overlap on the test split",
    "auc_within_search": "AUC among the items of one search",
    "log_loss": "nats an impression, at each row's position",
    "ece": "calibration error against the labels, at each row's position",
    "ece_to_truth": "calibration error against the true attraction",
    "normalised_entropy": "log loss by that of the constant base rate",
    "served_max_abs_dp": "largest served minus offline probability",
    "parity_max_abs_dp": "largest exported minus PyTorch probability",
    "engine_speedup": "pairs/s of the default graph by ONNX Runtime's float32, in one run",
    "engine_moved_max": "largest move of a probability with other batch-mates",
    "p50_ms": "milliseconds a search, no load",
    "p99_ms": "milliseconds a search, no load",
}
