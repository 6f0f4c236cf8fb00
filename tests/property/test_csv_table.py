"""What is written as CSV is read back."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from ctr_train.csv_table import read_csv
from ctr_train.table import Findings

UNHURRIED = settings(deadline=None)
"""A busy machine is no failure."""

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
)


@UNHURRIED
@given(TABLES, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_any_text_comes_back_cell_by_cell(
    rows: list[list[str]], separator: str, line_end: str
) -> None:
    """Quotes, line breaks, separators, other scripts: all survive; blanks become empty cells."""
    out = io.StringIO(newline="")
    # Every cell is quoted: left to itself the writer forgets to quote a lone carriage return.
    writer = csv.writer(out, delimiter=separator, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(f"c{index}" for index in range(len(rows[0])))
    writer.writerows(rows)
    findings = Findings()
    table = read_csv(out.getvalue().encode(), "log.csv", findings)
    expected = [[cell if cell.strip() else None for cell in row] for row in rows]
    found = zip(*(column.cells for column in table.columns), strict=True)
    assert [list(row) for row in found] == expected
    assert not findings.problems
