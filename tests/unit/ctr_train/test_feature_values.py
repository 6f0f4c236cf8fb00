"""A feature column's type and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from ctr_service.bundle.features import Entity
from ctr_train.log import inspect_log
from tests.support.log_files import ROWS, inspect_csv, log_columns, with_cells, write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_train.log import LogInspection


def values_of(inspection: LogInspection, name: str = "f") -> list[Any]:
    """The values of an item feature."""
    assert inspection.log is not None, inspection.problems
    return list(inspection.log.features[Entity.ITEM][name])


def feature(folder: Path, default: object, cells: dict[int, object]) -> list[Any]:
    """Values of a CSV feature column with the given cells by data row."""
    return values_of(inspect_csv(folder, log_columns(item_f=with_cells(default, cells))))


def test_a_column_of_numbers_is_numbers(tmp_path: Path) -> None:
    """When every present value is a number the column is one; whole ones are ints."""
    assert feature(tmp_path, "3", {1: "4", 2: ""})[:3] == [4, None, 3]
    assert feature(tmp_path, "3", {1: "0.5"})[:2] == [0.5, 3.0]


@pytest.mark.parametrize("code", ["007", "1234567890123456"])
def test_codes_keep_the_column_text_and_that_is_said(tmp_path: Path, code: str) -> None:
    """One leading zero or over-long number makes the whole column text."""
    inspection = inspect_csv(tmp_path, log_columns(item_f=with_cells("12", {2: code})))
    assert values_of(inspection)[:2] == ["12", code]
    assert any("leading zero" in notice and "row 2" in notice for notice in inspection.notices)


def test_a_few_words_among_numbers_are_pointed_out(tmp_path: Path) -> None:
    """A mostly numeric column that must be text is said so, with the rows, not the words."""
    inspection = inspect_csv(tmp_path, log_columns(item_f=with_cells("12", {5: "secret"})))
    assert values_of(inspection)[4] == "secret"
    notice = next(notice for notice in inspection.notices if "'item_f'" in notice)
    assert "row 5" in notice
    assert "secret" not in notice


def test_nan_words_among_numbers_are_missing(tmp_path: Path) -> None:
    """NaN written out by a tool is a missing number, not a text."""
    assert feature(tmp_path, "1.5", {1: "NaN", 2: "null"})[:3] == [None, None, 1.5]


def test_a_country_named_na_stays_text(tmp_path: Path) -> None:
    """Words for NaN mean a missing value only beside numbers."""
    assert feature(tmp_path, "DE", {1: "NA"})[0] == "NA"


def test_an_infinite_number_is_a_problem(tmp_path: Path) -> None:
    """Infinity is no feature value, in CSV or in Parquet."""
    inspection = inspect_csv(tmp_path, log_columns(item_f=with_cells("1", {3: "inf", 9: "-inf"})))
    assert "'item_f' is infinite" in inspection.problems[0]
    assert "rows 3, 9" in inspection.problems[0]
    columns = log_columns(item_f=with_cells(1.0, {4: float("inf")}))
    assert "row 4" in inspect_log(write_parquet(tmp_path, columns)).problems[0]


def test_truth_is_the_same_text_from_csv_and_parquet(tmp_path: Path) -> None:
    """True, TRUE and a Parquet bool all become `true`."""
    texts = feature(tmp_path, "True", {1: "FALSE", 2: ""})
    columns = log_columns(item_f=with_cells(True, {1: False, 2: None}))
    parquet = values_of(inspect_log(write_parquet(tmp_path, columns)))
    assert texts == parquet
    assert texts[:3] == ["false", None, "true"]


def test_parquet_text_of_digits_stays_text(tmp_path: Path) -> None:
    """Parquet says its types, so nothing is guessed."""
    columns = log_columns(item_f=["12"] * (ROWS - 1) + ["13"])
    assert values_of(inspect_log(write_parquet(tmp_path, columns)))[0] == "12"


def test_parquet_lists_are_texts_and_cut_to_the_wire(tmp_path: Path) -> None:
    """A list has at most 64 texts of 256 characters."""
    cells = with_cells(["a", "b"], {1: ["x" * 300] * 70, 2: []})
    inspection = inspect_log(write_parquet(tmp_path, log_columns(item_f=cells)))
    assert values_of(inspection)[:3] == [("x" * 256,) * 64, None, ("a", "b")]
    assert any("cut to 64 texts" in notice for notice in inspection.notices)


@pytest.mark.parametrize(
    "cells",
    [
        ["2020-01-02"] * 30 + ["2020-01-03 10:00:00"] * 30,
        [f"2020-01-02T10:00:{second:02d}+00:00" for second in range(60)],
    ],
)
def test_dates_are_ignored_aloud(tmp_path: Path, cells: list[str]) -> None:
    """A date seldom comes again, so it is no feature."""
    inspection = inspect_csv(tmp_path, log_columns(context_when=cells))
    assert any("date or time" in notice for notice in inspection.notices)
    assert inspection.log is not None
    assert not inspection.log.features[Entity.CONTEXT]


def test_parquet_times_and_unix_times_are_ignored(tmp_path: Path) -> None:
    """A timestamp type, or seconds in a column named after time, is no feature."""
    columns: dict[str, Any] = log_columns(context_timestamp=[1_574_553_600 + i for i in range(60)])
    columns["context_seen"] = pa.array(range(60), pa.timestamp("s"))
    inspection = inspect_log(write_parquet(tmp_path, columns))
    assert sum("date or time" in notice for notice in inspection.notices) == 2


def test_a_column_of_distinct_ids_is_ignored_but_few_ids_are_a_category(tmp_path: Path) -> None:
    """Names ending in _id are features while their values repeat."""
    columns = {name: cells * 4 for name, cells in log_columns().items()}
    columns["item_seller_id"] = [f"s{row}" for row in range(4 * ROWS)]
    columns["item_brand_id"] = [f"b{row % 7}" for row in range(4 * ROWS)]
    inspection = inspect_csv(tmp_path, columns)
    assert inspection.log is not None
    assert list(inspection.log.features[Entity.ITEM]) == ["brand_id"]
    assert any("'item_seller_id' is ignored: an identifier" in n for n in inspection.notices)


def test_numeric_ids_are_pointed_out(tmp_path: Path) -> None:
    """Numbers that name things would be put into buckets; the user is told."""
    inspection = inspect_csv(
        tmp_path, log_columns(item_brand_id=[str(row % 30) for row in range(ROWS)])
    )
    assert any("looks like an id" in notice for notice in inspection.notices)


def test_a_wholly_empty_feature_is_ignored_aloud(tmp_path: Path) -> None:
    """An empty column is no feature, and neither is one that says NaN throughout."""
    columns = log_columns(item_f=[""] * ROWS, item_g=["nan"] * ROWS)
    inspection = inspect_csv(tmp_path, columns)
    assert inspection.log is not None
    assert not inspection.log.features[Entity.ITEM]
    assert any("'item_f' is ignored: it is empty" in notice for notice in inspection.notices)
    assert any("'item_g' is ignored" in notice for notice in inspection.notices)


def test_nested_columns_are_ignored_aloud(tmp_path: Path) -> None:
    """An embedding or a struct cannot come over the wire."""
    columns = log_columns(item_vector=[[0.1, 0.2]] * ROWS)
    inspection = inspect_log(write_parquet(tmp_path, columns))
    assert any("'item_vector' is ignored: no request" in n for n in inspection.notices)


def test_long_texts_are_cut_to_the_wires_limit_aloud(tmp_path: Path) -> None:
    """Training text must be text that serving can receive."""
    columns = log_columns(
        query=[f"{row} " + "q" * 300 for row in range(ROWS)],
        item_title=with_cells("t", {7: "长" * 1025}),
        item_f=with_cells("f", {8: "f" * 257}),
    )
    inspection = inspect_csv(tmp_path, columns)
    assert inspection.log is not None
    assert {len(text) for text in inspection.log.query} == {256}
    assert inspection.log.title[6] == "长" * 1024
    assert values_of(inspection)[7] == "f" * 256
    text = "\n".join(inspection.notices)
    assert "'query' is cut to 256 characters, the wire's limit, in 60 of 60" in text
    assert (
        "'item_title' is cut to 1,024 characters, the wire's limit, in 1 of 60 rows (row 7)" in text
    )
    assert "'item_f' is cut to 256" in text
