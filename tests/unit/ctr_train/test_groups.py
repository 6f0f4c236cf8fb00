"""Which rows stay together, and the advice when a column cannot say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.log_files import ROWS, inspect_csv, log_columns, with_cells

if TYPE_CHECKING:
    from pathlib import Path


def test_one_search_typed_anew_is_one_group(tmp_path: Path) -> None:
    """Capitals, widths and doubled spaces do not make another search."""
    wide = "\N{FULLWIDTH LATIN CAPITAL LETTER R}ed shoes"
    columns = log_columns(
        query=["Red  Shoes", "red shoes ", wide, *(f"q{row}" for row in range(ROWS - 3))]
    )
    log = inspect_csv(tmp_path, columns).log
    assert log is not None
    assert log.group[:3] == ["red shoes"] * 3
    assert log.query[0] == "Red  Shoes"


def test_other_columns_group_by_their_exact_text(tmp_path: Path) -> None:
    """An id differs by its capitals."""
    columns = log_columns(session=[f"{'aA'[row % 2]}{row // 2}" for row in range(ROWS)])
    log = inspect_csv(tmp_path, columns, group="session").log
    assert log is not None
    assert len(set(log.group)) == ROWS


def test_an_empty_query_column_is_refused_with_advice(tmp_path: Path) -> None:
    """The columns that could group the log are named, those made for it first."""
    columns = log_columns(query=[""] * ROWS, test=[str(row // 2) for row in range(ROWS)])
    problems = inspect_csv(tmp_path, columns).problems
    assert problems[0].startswith("column 'query' is empty in every row")
    assert problems[0].endswith("--group COLUMN, for example 'test', 'item_title'")


def test_a_group_with_most_rows_is_refused(tmp_path: Path) -> None:
    """One query in more than half of the rows would make a lopsided split."""
    columns = log_columns(query=with_cells("same", {row: f"q{row}" for row in range(1, 30)}))
    problems = inspect_csv(tmp_path, columns).problems
    assert "has one value in 31 of 60 rows" in problems[0]
    columns = log_columns(query=with_cells("same", {row: f"q{row}" for row in range(1, 31)}))
    assert inspect_csv(tmp_path, columns).log is not None


def test_too_few_groups_are_refused(tmp_path: Path) -> None:
    """Three splits need three groups."""
    columns = log_columns(query=["a", "b"] * 30, item_title=["t"] * ROWS)
    problems = inspect_csv(tmp_path, columns).problems
    assert "has 2 groups" in problems[0]
    assert "No other column could group it" in problems[0]


def test_few_groups_are_pointed_out(tmp_path: Path) -> None:
    """Four groups can be split, but their figures hang on one of them."""
    inspection = inspect_csv(tmp_path, log_columns(query=["a", "b", "c", "d"] * 15))
    assert inspection.log is not None
    assert any("has only 4 groups" in notice for notice in inspection.notices)


def test_some_empty_queries_are_one_group_aloud(tmp_path: Path) -> None:
    """Browsing without a query is a group of its own while it is not most of the log."""
    queries = with_cells("", {row: f"q{row}" for row in range(11, 61)})
    inspection = inspect_csv(tmp_path, log_columns(query=queries))
    assert inspection.log is not None
    assert any("'query' is empty in 10 of 60 rows" in notice for notice in inspection.notices)


@pytest.mark.parametrize("name", ["group", "Group", "item_title", "GROUP"])
def test_any_column_can_group_whatever_its_capitals(tmp_path: Path, name: str) -> None:
    """A column that is ignored otherwise, or the title, will do."""
    columns = log_columns(query=[""] * ROWS, group=[str(row) for row in range(ROWS)])
    inspection = inspect_csv(tmp_path, columns, group=name)
    assert inspection.log is not None
    assert len(set(inspection.log.group)) == ROWS


def test_the_group_column_is_not_called_ignored(tmp_path: Path) -> None:
    """What groups the log is in use, though no feature."""
    columns = log_columns(group=[str(row) for row in range(ROWS)], week=["1"] * ROWS)
    inspection = inspect_csv(tmp_path, columns, group="group")
    assert {use.column: use.role.value for use in inspection.uses}["group"] == "group"
    assert any(n.startswith("column 'week' is ignored") for n in inspection.notices)


def test_an_absent_group_column_lists_the_columns(tmp_path: Path) -> None:
    """A typing error is met with the names to choose from."""
    (problem,) = inspect_csv(tmp_path, log_columns(), group="grup").problems
    assert problem.startswith("no column 'grup' to group by")
    assert problem.endswith("--group COLUMN from 'query', 'item_title', 'label'")
