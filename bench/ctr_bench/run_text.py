"""A run's figures as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping


def run_table(content: Mapping[str, object]) -> Table:
    """Draw what run.json says; a percentile that failures reach is "not answered"."""
    closed = content["loop"] == "closed"
    loop = "closed loop: latencies hide stalls" if closed else "open loop, from the scheduled time"
    table = Table(title=f"{content['target']}, {loop}")
    table.add_column("figure")
    table.add_column("value", justify="right")
    figures = cast("Mapping[str, object]", content["figures"])
    for name, value in figures.items():
        if isinstance(value, dict):
            for code, count in value.items():
                table.add_row(f"{name}.{code}", f"{count:,}")
        else:
            table.add_row(name, _plain(name, value))
    return table


def _plain(name: str, value: object) -> str:
    if value is None:
        return "not answered"
    if isinstance(value, float):
        return f"{value:.2%}" if name.endswith("share") else f"{value:,.2f}"
    return f"{value:,}"
