"""Small click logs made in code, with a signal that a tiny model finds in seconds."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COLOURS = ("red", "blue", "green", "large", "small", "steel")
THINGS = ("lamp", "chair", "table", "shelf", "drill", "hammer")
CLICK_CHANCE = (0.9, 0.75, 0.5, 0.3, 0.15, 0.05)
"""Of a title by its colour, whatever the query."""


def write_tiny_log(path: Path, *, queries: int = 40, items: int = 6, seed: int = 0) -> Path:
    """Write a CSV of `queries * items` rows with labels and two features; return `path`."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(queries):
        segment = str(rng.choice(["new", "frequent", ""]))
        query = f"{rng.choice(THINGS)} {number}"
        for _ in range(items):
            colour, thing = int(rng.integers(len(COLOURS))), int(rng.integers(len(THINGS)))
            price = round(float(rng.uniform(1, 100)), 2)
            label = int(rng.random() < CLICK_CHANCE[colour])
            title = f"{COLOURS[colour]} {THINGS[thing]}"
            rows.append((query, title, price, segment, label))
    header = ("query", "item_title", "item_price", "user_segment", "label")
    return write_rows(path, header, rows)


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """Write a CSV file; return `path`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path
