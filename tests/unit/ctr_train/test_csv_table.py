"""CSV files as people really write them."""

from __future__ import annotations

import pytest

from ctr_train.csv_table import read_csv
from ctr_train.errors import LogError
from ctr_train.table import Findings, Table


def read(raw: bytes | str) -> tuple[Table, Findings]:
    """Read bytes and return the table with what was found."""
    findings = Findings()
    data = raw.encode() if isinstance(raw, str) else raw
    return read_csv(data, "log.csv", findings), findings


def cells(table: Table) -> list[list[object]]:
    """The cells by column."""
    return [list(column.cells) for column in table.columns]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    """Excel's UTF-8 begins with a mark, which must not hide the first column."""
    table, _ = read(b"\xef\xbb\xbfquery,label\na,1\n")
    assert [column.name for column in table.columns] == ["query", "label"]


def test_quoted_newlines_stay_in_their_cell() -> None:
    """A quoted field may hold line breaks, separators and doubled quotes."""
    table, findings = read('a,b\r\n"x\ny","1,""2"""\r\n')
    assert cells(table) == [["x\ny"], ['1,"2"']]
    assert not findings.problems


def test_every_cell_is_text_and_blanks_are_empty() -> None:
    """Nothing is turned into a number while reading; white space alone is an empty cell."""
    table, _ = read("a,b\n007, \n1.0,\n")
    assert cells(table) == [["007", "1.0"], [None, None]]


def test_blank_lines_are_no_rows() -> None:
    """A blank line neither counts nor shifts the numbers of the rows after it."""
    table, _ = read("a,b\n\n1,2\n\n3,4\n\n")
    assert cells(table) == [["1", "3"], ["2", "4"]]
    assert table.row_numbers.tolist() == [1, 2]


def test_uneven_rows_are_named_and_left_out() -> None:
    """A row with too many or too few fields is a problem; later rows keep their numbers."""
    table, findings = read("a,b\n1,2\n1,2,3\n4,5\n6\n")
    assert cells(table) == [["1", "4"], ["2", "5"]]
    assert table.row_numbers.tolist() == [1, 3]
    assert "2 of 4 rows (first: rows 2, 4)" in findings.problems[0]


@pytest.mark.parametrize(
    ("separator", "name"), [("\t", "tabs"), (";", "semicolons"), ("|", "bars")]
)
def test_other_separators_are_read_aloud(separator: str, name: str) -> None:
    """A header without a comma tells the separator, and that is said."""
    table, findings = read(separator.join(["a", "b"]) + "\n" + separator.join(["1,5", "2"]) + "\n")
    assert cells(table) == [["1,5"], ["2"]]
    assert name in findings.notices[0]


@pytest.mark.parametrize("raw", [b"", b"  \n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_said_to_be_empty(raw: bytes) -> None:
    """Nothing, white space or a mark alone is an empty file."""
    with pytest.raises(LogError, match="empty"):
        read(raw)


def test_a_header_alone_is_no_log() -> None:
    """A file without rows is refused."""
    with pytest.raises(LogError, match="no rows"):
        read("a,b\n")


def test_another_encoding_names_byte_and_line() -> None:
    """The first byte that is no UTF-8 is located, and the way out is named."""
    with pytest.raises(LogError, match=r"byte 10 \(line 3\).*iconv"):
        read("a,b\n1,2\n3,caf\xe9\n".encode("latin-1").replace(b"caf", b""))


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08\x00rest", "gzip"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\x28\xb5\x2f\xfdrest", "zstd"),
    ],
)
def test_foreign_formats_are_named(raw: bytes, word: str) -> None:
    """A compressed file, a spreadsheet or UTF-16 is recognised by its first bytes."""
    with pytest.raises(LogError, match=word):
        read(raw)


@pytest.mark.parametrize("body", ['1,"open\n2,3\n', '1,2\n"a"b,3\n'])
def test_broken_quotes_are_refused_without_their_text(body: str) -> None:
    """A quote that is never closed would swallow the rest of the file in silence."""
    with pytest.raises(LogError, match="close every quote") as caught:
        read("a,b\n" + body)
    assert "open" not in str(caught.value)


def test_an_endless_field_is_refused() -> None:
    """A field past the reader's limit is most likely an unclosed quote."""
    with pytest.raises(LogError, match="endless at data row 1"):
        read('a,b\n1,"' + "x" * 140_000 + '"\n')


def test_no_row_that_fits_is_an_error() -> None:
    """When every row is uneven there is nothing left to check."""
    with pytest.raises(LogError, match="not the header's 2"):
        read("a,b\n1\n2\n")
