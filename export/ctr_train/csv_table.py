"""CSV -> Table. UTF-8 only, every cell a text, so that `007` stays what it is."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.errors import LogError
from ctr_train.table import Column, Kind, Table, describe_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_train.table import Cell, Findings

UTF8_BOM = b"\xef\xbb\xbf"
FOREIGN_STARTS = {
    b"\x1f\x8b": "is compressed with gzip; unpack it first (gunzip)",
    b"PK\x03\x04": "is a zip archive or a spreadsheet; unpack it or save it as CSV (UTF-8)",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; unpack it first (unzstd)",
    b"\xff\xfe": "is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8",
}
OTHER_DELIMITERS = ("\t", ";", "|")
DELIMITER_NAMES = {"\t": "tabs", ";": "semicolons", "|": "bars"}
CHUNK_ROWS = 20_000


def read_csv(raw: bytes, name: str, findings: Findings) -> Table:
    """Read a CSV file with a header line.

    Rows with too many or too few fields become a problem and are left out of the table; blank
    lines are skipped and not counted.

    Args:
        raw: the file's bytes.
        name: the file's name, for messages.
        findings: receives what is wrong with single rows.

    Raises:
        LogError: empty, not UTF-8, broken quoting, or no row that fits the header.
    """
    text = _decode(raw, name)
    if not text.strip():
        raise LogError(f"{name} is empty; a log needs a header line and rows")
    delimiter = _delimiter(text)
    if delimiter != ",":
        findings.notices.append(f"read as separated by {DELIMITER_NAMES[delimiter]}, not commas")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = _rows(reader, name)
    header = next(rows)
    columns, kept, total, uneven = _columns(rows, len(header))
    if uneven:
        findings.problems.append(
            f"the number of fields is not the header's {len(header)} in "
            f"{describe_rows(uneven, total)}; quote texts that hold the separator"
        )
    if not total:
        raise LogError(f"{name} has a header line but no rows")
    if not kept:
        raise LogError(findings.problems)
    return Table(
        tuple(
            Column(title.strip(), Kind.RAW, cells)
            for title, cells in zip(header, columns, strict=True)
        ),
        np.asarray(kept, dtype=np.int64),
        total,
    )


def _decode(raw: bytes, name: str) -> str:
    for start, sentence in FOREIGN_STARTS.items():
        if raw.startswith(start):
            raise LogError(f"{name} {sentence}")
    skipped = len(UTF8_BOM) if raw.startswith(UTF8_BOM) else 0
    try:
        return raw[skipped:].decode("utf-8")
    except UnicodeDecodeError as error:
        offset = skipped + error.start
        line = raw.count(b"\n", 0, offset) + 1
        raise LogError(
            f"{name} is not UTF-8: byte {offset:,} (line {line:,}) fits no character. Convert it, "
            f"for example: iconv -f ISO-8859-1 -t UTF-8 {name} (put the file's real encoding)"
        ) from error


def _delimiter(text: str) -> str:
    header = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
    if "," in header:
        return ","
    return max(OTHER_DELIMITERS, key=header.count) if _has_other(header) else ","


def _has_other(header: str) -> bool:
    return any(delimiter in header for delimiter in OTHER_DELIMITERS)


def _rows(reader: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    """Yield the rows that hold anything; turn a broken quote into a sentence."""
    count = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            where = f"data row {count}" if count else "the header"
            reason = "a field is endless" if "limit" in str(error) else "a quote is out of place"
            raise LogError(
                f"{name}: {reason} at {where}; put texts in double quotes, double a quote inside "
                "them, and close every quote"
            ) from error
        if row:
            count += 1
            yield row


def _columns(
    rows: Iterator[list[str]], width: int
) -> tuple[list[list[Cell]], list[int], int, list[int]]:
    """Return cells by column, row numbers kept, rows in all, and numbers of uneven rows."""
    columns: list[list[Cell]] = [[] for _ in range(width)]
    # One object for equal cells: a log repeats its queries and titles many times.
    memos: list[dict[str, Cell]] = [{} for _ in range(width)]
    kept: list[int] = []
    uneven: list[int] = []
    chunk: list[list[str]] = []
    number = 0
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            uneven.append(number)
            continue
        kept.append(number)
        chunk.append(row)
        if len(chunk) == CHUNK_ROWS:
            _append(columns, memos, chunk)
            chunk.clear()
    _append(columns, memos, chunk)
    return columns, kept, number, uneven


def _append(
    columns: list[list[Cell]], memos: list[dict[str, Cell]], chunk: list[list[str]]
) -> None:
    for cells, memo, texts in zip(columns, memos, zip(*chunk, strict=True), strict=False):
        for text in texts:
            if text not in memo:
                memo[text] = text if text.strip() else None
        cells.extend(memo[text] for text in texts)
