"""Titles to ask about: a real catalogue where there is one, else the demo's log, else made up."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PLACES = (
    (Path("../shared/data/catalogue_en/products.csv"), "name"),
    (Path("build/demo/log.csv"), "item_title"),
)
"""Looked at in this order, from the folder of the Makefile; file and column of the title."""
MADE_UP = "made-up words"
_ADJECTIVES = (
    *("red", "blue", "large", "compact", "outdoor", "wireless"),
    *("steel", "wooden", "folding", "portable", "quiet"),
)
_NOUNS = (
    *("lamp", "drill", "chair", "kettle", "tent", "speaker"),
    *("router", "blender", "shelf", "jacket", "printer", "camera"),
)
_TAILS = (
    *("kit", "set", "with", "case", "2-pack", "bundle"),
    *("refurbished", "for", "kitchen", "garden", "office", "travel"),
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Distinct titles, and where they come from."""

    titles: Sequence[str]
    source: str


def find_catalogue(path: Path | None = None) -> Catalogue:
    """Read the titles of `path`, or of the first of `PLACES` that exists, or make some up.

    Raises:
        BenchError: `path` cannot be read, or has no column of titles.
    """
    if path is not None:
        return _read(path, ("name", "item_title", "title"))
    for place, column in PLACES:
        if place.is_file():
            return _read(place, (column,))
    return Catalogue(tuple(_made_up()), MADE_UP)


def _read(path: Path, columns: Iterable[str]) -> Catalogue:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            column = next((c for c in columns if c in (reader.fieldnames or ())), None)
            titles = [] if column is None else [row[column] for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BenchError(f"the catalogue {path} cannot be read as CSV: {error}") from None
    distinct = tuple(dict.fromkeys(title.strip() for title in titles if title and title.strip()))
    if not distinct:
        raise BenchError(f"the catalogue {path} has no titles under {', '.join(columns)}")
    return Catalogue(distinct, str(path))


def _made_up() -> Iterable[str]:
    parts = itertools.product(_ADJECTIVES, _ADJECTIVES, _NOUNS, _TAILS)
    return (f"{a} {b} {noun} {tail}" for a, b, noun, tail in parts if a != b)
