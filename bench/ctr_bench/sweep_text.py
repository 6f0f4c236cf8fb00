"""A sweep's table for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_bench.pool import Judgement
    from ctr_bench.record import Records
    from ctr_bench.sweep import Sweep

FILE_WIDTH = 130
ROUND_FROM = 100.0
BAR = 24
"""Characters of the longest goodput bar."""


def print_sweep(console: Console, sweep: Sweep) -> None:
    """Print the curve, the knee and the notes."""
    points = sweep.by_rate()
    console.print(_curve(sweep, points))
    if sweep.knees:
        knee = sweep.knee()
        low, high = knee.requests_s_spread
        least, most = knee.goodput_pairs_s_spread
        console.print(
            f"knee: {knee.goodput_pairs_s:,.0f} pairs/s ({least:,.0f} to {most:,.0f}) at "
            f"{knee.requests_s:.3g} requests/s ({low:.3g} to {high:.3g}), "
            f"p50 {ms(knee.p50_ms)} ms, p99 {ms(knee.p99_ms)} ms; {knee.verdict}",
            highlight=False,
            soft_wrap=True,
        )
    for note in sweep.notes():
        console.print(f"note: {note}", highlight=False, soft_wrap=True)


def wide_console() -> Console:
    """Return stdout's console; what is no terminal gets lines as long as the tables are."""
    console = Console()
    return console if console.is_terminal else Console(width=FILE_WIDTH)


def ms(value: object) -> str:
    """Return milliseconds in three digits; endless is a dash."""
    number = float(str(value))
    if not math.isfinite(number):
        return "-"
    return f"{number:,.0f}" if number >= ROUND_FROM else f"{number:.3g}"


def _curve(sweep: Sweep, points: Sequence[tuple[float, Judgement, Records]]) -> Table:
    slo = sweep.plan.slo
    table = Table(title=f"goodput and latency by rate, SLO {slo}")
    for column in ("requests/s", "pairs/s", "requests", "p50 ms", "p99 ms", "late", "good"):
        table.add_column(column, justify="right")
    table.add_column("goodput pairs/s", justify="right")
    table.add_column("")
    table.add_column("verdict")
    most = max((judged.figures.goodput_pairs_s for _, judged, _ in points), default=1.0) or 1.0
    for rate, judged, _ in points:
        figures = judged.figures
        bar = "#" * round(BAR * figures.goodput_pairs_s / most)
        table.add_row(
            *(f"{rate:,.4g}", f"{figures.offered_pairs_s:,.0f}", f"{judged.requests:,}"),
            *(ms(figures.p50_ms), ms(figures.p99_ms), str(judged.late)),
            *(f"{figures.good_share:.2%}", f"{figures.goodput_pairs_s:,.0f}", bar, str(judged)),
        )
    return table
