"""Labels, counts and positions, good and bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_train.log import inspect_log
from tests.support.log_files import ROWS, inspect_csv, log_columns, with_cells, write_parquet

if TYPE_CHECKING:
    from pathlib import Path


def counts(**cells: dict[int, object]) -> dict[str, list[object]]:
    """A log with impressions 10 and clicks 2 or 3, changed in the given rows."""
    clicks = {row: 2 + row % 2 for row in range(1, ROWS + 1)}
    return log_columns(
        label=None,
        impressions=with_cells(10, cells.get("impressions", {})),
        clicks=with_cells(0, {**clicks, **cells.get("clicks", {})}),
    )


def test_labels_are_rates_of_one_impression(tmp_path: Path) -> None:
    """Without counts each row weighs one."""
    log = inspect_csv(tmp_path, log_columns()).log
    assert log is not None
    np.testing.assert_array_equal(log.target[:3], [0.0, 1.0, 0.0])
    assert log.weight.tolist() == [1.0] * ROWS


def test_rates_without_counts_are_pointed_out(tmp_path: Path) -> None:
    """A label may be a rate, and the user learns that all weigh the same."""
    inspection = inspect_csv(tmp_path, log_columns(label=with_cells("0.25", {1: "1"})))
    assert inspection.log is not None
    assert inspection.log.target[1] == 0.25
    assert any("rates in 59 rows" in notice for notice in inspection.notices)


def test_counts_make_rate_and_weight(tmp_path: Path) -> None:
    """Clicks by impressions is the rate, impressions the weight."""
    log = inspect_csv(tmp_path, counts()).log
    assert log is not None
    assert log.target[:2].tolist() == [0.3, 0.2]
    assert set(log.weight) == {10.0}


def test_counts_win_over_a_label_aloud(tmp_path: Path) -> None:
    """Where both stand the counts are used; rows in which they differ are counted."""
    columns = {**counts(), "label": with_cells("0.2", {1: "0.3", 3: "0.9"})}
    inspection = inspect_csv(tmp_path, columns)
    assert inspection.log is not None
    assert inspection.log.target[2] == 0.3
    notice = next(n for n in inspection.notices if "'label' is ignored" in n)
    assert "'impressions' and 'clicks' count instead" in notice
    assert "29 of 60 rows (first: rows 3, 5, 7, 9, 11)" in notice


@pytest.mark.parametrize("lone", ["impressions", "clicks"])
def test_a_lone_count_is_ignored_beside_a_label(tmp_path: Path, lone: str) -> None:
    """Half of the counts says nothing; the label is used."""
    inspection = inspect_csv(tmp_path, log_columns(**{lone: ["1"] * ROWS}))
    assert inspection.log is not None
    assert any(f"'{lone}' is ignored" in notice for notice in inspection.notices)


def test_empty_counts_leave_the_label(tmp_path: Path) -> None:
    """A wholly empty column does not count as standing."""
    columns = log_columns(impressions=[""] * ROWS, clicks=[""] * ROWS)
    assert inspect_csv(tmp_path, columns).log is not None


def test_empty_targets_are_a_problem(tmp_path: Path) -> None:
    """An empty label column leaves nothing to learn from."""
    inspection = inspect_csv(tmp_path, log_columns(label=[""] * ROWS))
    assert "every row lacks a target" in "\n".join(inspection.problems)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("", "is empty or NaN"),
        ("nan", "is empty or NaN"),
        ("inf", "is infinite"),
        ("1.5", "is outside 0 to 1"),
        ("-1", "is outside 0 to 1"),
        ("secret", "is no number"),
    ],
)
def test_bad_labels_are_named_by_row_never_by_content(
    tmp_path: Path, cell: str, sentence: str
) -> None:
    """Column, count and first rows are named; the cell is not."""
    label = with_cells("0", {2: "1", 4: cell, 8: cell})
    inspection = inspect_csv(tmp_path, log_columns(label=label))
    assert inspection.log is None
    assert inspection.problems == (f"column 'label' {sentence} in 2 of 60 rows (first: rows 4, 8)",)


@pytest.mark.parametrize("value", [0, 1, 0.5])
def test_a_constant_target_is_refused(tmp_path: Path, value: float) -> None:
    """One class only, or one rate only, teaches nothing."""
    inspection = inspect_csv(tmp_path, log_columns(label=[value] * ROWS))
    assert "the target is constant" in inspection.problems[0]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"clicks": {5: 11}}, "'clicks' exceeds 'impressions' in 1 of 60 rows (row 5)"),
        ({"clicks": {5: -1}}, "'clicks' is negative"),
        ({"clicks": {5: 1.5}}, "'clicks' is no whole number"),
        ({"clicks": {5: ""}}, "'clicks' is empty or NaN"),
        ({"impressions": {5: 0}}, "'impressions' is below 1"),
        ({"impressions": {5: -3}}, "'impressions' is below 1"),
        ({"impressions": {5: "inf"}}, "'impressions' is infinite"),
    ],
)
def test_bad_counts_are_named(
    tmp_path: Path, changes: dict[str, dict[int, object]], sentence: str
) -> None:
    """Each impossible count is a problem of its own, with its row."""
    inspection = inspect_csv(tmp_path, counts(**changes))
    assert inspection.log is None
    assert len(inspection.problems) == 1
    assert sentence in inspection.problems[0]
    assert "row 5" in inspection.problems[0]


def test_positions_are_whole_numbers_from_one(tmp_path: Path) -> None:
    """1 is the top; a float that is whole counts as whole."""
    log = inspect_csv(tmp_path, log_columns(position=with_cells("1", {2: "3.0"}))).log
    assert log is not None
    assert log.position is not None
    assert log.position.dtype == np.int32
    assert log.position[:2].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("0", "is below 1"),
        ("-2", "is below 1"),
        ("1.5", "is no whole number"),
        ("", "is empty or NaN"),
        ("top", "is no number"),
        ("3000000000", "beyond 2^31"),
    ],
)
def test_bad_positions_are_a_problem(tmp_path: Path, cell: str, sentence: str) -> None:
    """A log whose positions are partly wrong or missing must not train a position model."""
    inspection = inspect_csv(tmp_path, log_columns(position=with_cells("1", {6: cell})))
    assert inspection.log is None
    assert sentence in inspection.problems[0]
    assert "row 6" in inspection.problems[0]


def test_an_empty_position_column_is_ignored_aloud(tmp_path: Path) -> None:
    """A column that was never filled is as good as none."""
    inspection = inspect_csv(tmp_path, log_columns(position=[""] * ROWS))
    assert inspection.log is not None
    assert inspection.log.position is None
    assert any("'position' is ignored" in notice for notice in inspection.notices)


def test_parquet_labels_of_any_number_type_are_read(tmp_path: Path) -> None:
    """Bools, floats and texts of 0 and 1 all are labels."""
    for label in ([True, False] * 30, [1.0, 0.0] * 30, ["1", "0"] * 30):
        log = inspect_log(write_parquet(tmp_path, log_columns(label=label))).log
        assert log is not None
        assert log.target[:2].tolist() == [1.0, 0.0]
