"""A CSV of queries and titles as a workload: rows of one query are one list."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_bench.searches import Search
from ctr_bench.sources import Listed
from ctr_client.messages import Item

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TITLES = ("title", "item_title", "name")
QUERY, ITEM_ID = "query", "item_id"


def read_csv(path: Path, *, most: int) -> Listed:
    """Read a file with the columns `query` and `title` (or `item_title`, `name`).

    Rows of one query make one list, wherever they stand; a longer list than `most` is cut into
    several. Without `item_id` items are numbered.

    Raises:
        BenchError: it cannot be read, or lacks a column or rows; says which.
    """
    lists: dict[str, list[Item]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for query, item in _rows(csv.DictReader(file, strict=True), path):
                lists.setdefault(query, []).append(item)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no CSV in UTF-8"
        raise BenchError(f"{path} cannot be read: {reason}") from None
    if not lists:
        raise BenchError(f"{path} has no row with a title")
    searches = [
        Search(query, part) for query, items in lists.items() for part in _parts(items, most)
    ]
    facts = {"kind": "csv", "file": path.name, "lists": len(searches)}
    return Listed(searches, facts)


def _rows(reader: csv.DictReader[str], path: Path) -> Iterator[tuple[str, Item]]:
    columns = reader.fieldnames or ()
    title = next((name for name in TITLES if name in columns), None)
    if title is None or QUERY not in columns:
        raise BenchError(f"{path} needs the columns {QUERY} and {' or '.join(TITLES)}")
    for number, row in enumerate(reader):
        text = row[title]
        if text and text.strip():
            yield (
                row[QUERY] or "",
                Item((row.get(ITEM_ID) or f"i{number}")[:128], text.strip()),
            )


def _parts(items: Sequence[Item], most: int) -> Iterator[list[Item]]:
    """Cut a list, without an item id twice in a part: the server refuses such a list."""
    distinct = list({item.item_id: item for item in items}.values())
    for begin in range(0, len(distinct), most):
        yield distinct[begin : begin + most]
