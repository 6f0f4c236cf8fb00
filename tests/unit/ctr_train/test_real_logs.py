"""Real logs, read where they lie; they are private and never copied here."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctr_train.checks import check_split
from ctr_train.log import inspect_log
from ctr_train.metrics import base_rate
from ctr_train.split import split_by_group

DATA = Path(__file__).parents[4] / "shared/data"


def real(name: str) -> Path:
    """Path of a real file, or a skip where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is private data and not on this machine")
    return path


@pytest.mark.parametrize(
    ("name", "group", "rows", "rate"),
    [
        ("homedepot_small", "query", 14_095, 0.4514),
        ("upworthy_small", "group", 4_551, 0.01496),
        ("qbqtc_zh_small", "query", 4_786, 0.7530),
    ],
)
def test_a_real_log_is_read_and_split(name: str, group: str, rows: int, rate: float) -> None:
    """Row count, impression-weighted base rate and three leak-free splits."""
    log = inspect_log(real(f"{name}/data.csv"), group_column=group).log
    assert log is not None
    assert len(log) == rows
    assert base_rate(log.target, log.weight) == pytest.approx(rate, rel=0.01)
    for seed in (0, 1, 2):
        split = split_by_group(log.group, seed=seed)
        check_split(log, split)
        assert 0.15 < len(split.test) / rows < 0.25


def test_an_empty_query_column_advises_the_group_column() -> None:
    """Headline tests have no query; the error names the column that groups them."""
    problems = inspect_log(real("upworthy_small/data.csv")).problems
    assert len(problems) == 1
    assert "--group COLUMN, for example 'group'" in problems[0]


def test_a_grade_beside_the_label_is_ignored_aloud() -> None:
    """Home Depot's grade is the label itself and must not become a feature."""
    inspection = inspect_log(real("homedepot_small/data.csv"))
    assert inspection.log is not None
    assert not any(inspection.log.features.values())
    assert any("'grade'" in notice for notice in inspection.notices)


@pytest.mark.parametrize("name", ["catalogue_en/products.csv", "catalogue_zh/titles.txt"])
def test_a_catalogue_is_no_log(name: str) -> None:
    """Files without the columns are refused, and a file without header stays unquoted."""
    inspection = inspect_log(real(name))
    text = "\n".join(inspection.problems)
    assert "no column 'query'" in text
    assert "no column 'label'" in text
    assert text.isascii()
