"""Checks of a whole log and of its splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.bundle.features import Entity
from ctr_train.checks import check_split
from ctr_train.click_log import ClickLog
from ctr_train.errors import LogError
from ctr_train.split import Split, check_no_leak
from tests.support.log_files import ROWS, inspect_csv, log_columns, with_cells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def rows(*numbers: int) -> NDArray[np.int64]:
    """Row numbers as a split holds them."""
    return np.array(numbers, dtype=np.int64)


def log_of(target: Sequence[float], group: Sequence[str], title: Sequence[str]) -> ClickLog:
    """A log with a title, a group and a target a row."""
    count = len(target)
    return ClickLog(
        query=[""] * count,
        title=list(title),
        item_id=[""] * count,
        target=np.asarray(target, dtype=np.float64),
        weight=np.ones(count),
        position=None,
        group=list(group),
        features={entity: {} for entity in Entity},
    )


SPLIT = Split(rows(0, 1), rows(2, 3), rows(4, 5))


def test_a_clean_split_passes_in_silence() -> None:
    """Nothing is said where nothing is wrong."""
    log = log_of([0, 1] * 3, "aabbcc", "uvwxyz")
    assert check_split(log, SPLIT) == ()


def test_a_group_that_crosses_splits_is_refused() -> None:
    """One group in training and test makes every figure lie."""
    log = log_of([0, 1] * 3, "aabbca", "uvwxyz")
    with pytest.raises(LogError, match="1 group"):
        check_split(log, SPLIT)


@pytest.mark.parametrize(
    "split",
    [
        Split(rows(0, 1), rows(2, 3), rows(4)),
        Split(rows(0, 1, 4), rows(2, 3), rows(4, 5)),
    ],
)
def test_a_lost_or_doubled_row_is_refused(split: Split) -> None:
    """Each row is in exactly one split."""
    with pytest.raises(LogError, match="exactly once"):
        check_no_leak(split, list("aabbcc"))


def test_equal_rows_in_two_splits_are_counted() -> None:
    """The same title in two groups leaks what was learnt; the user is told how often."""
    log = log_of([0, 1] * 3, "aabbcc", "uvwuuv")
    notices = check_split(log, SPLIT)
    assert notices[0].startswith("1 of 2 validation rows equal a training row")
    assert notices[1].startswith("2 of 2 test rows equal a training row")


def test_one_class_in_training_or_validation_is_refused() -> None:
    """Nothing can be learnt from, or calibrated on, rows of one class."""
    log = log_of([0, 0, 1, 1, 0, 1], "aabbcc", "uvwxyz")
    with pytest.raises(LogError) as caught:
        check_split(log, SPLIT)
    assert len(caught.value.problems) == 2
    assert "--seed" in str(caught.value)


def test_one_class_in_test_is_a_notice() -> None:
    """Training can go on, but its AUC will not be defined."""
    log = log_of([0, 1, 0, 1, 0, 0], "aabbcc", "uvwxyz")
    assert "AUC is not defined" in check_split(log, SPLIT)[0]


def test_exact_duplicates_are_counted(tmp_path: Path) -> None:
    """Repeated rows are legal impressions, so they are counted, not refused."""
    columns = log_columns(item_title=with_cells("t", {}), label=with_cells("0", {1: "1"}))
    notices = inspect_csv(tmp_path, columns).notices
    # 40 queries, of which 20 stand twice; row 1 clicks and row 41 does not.
    assert any(notice.startswith("19 of 60 rows repeat an earlier row") for notice in notices)
    assert any(notice.startswith("1 of 40 distinct inputs") for notice in notices)


def test_a_feature_made_from_the_label_is_pointed_out(tmp_path: Path) -> None:
    """A few values that each go with one target alone look like the label itself."""
    columns = log_columns(item_grade=["no", "yes"] * 30, item_fair=["a", "a", "b", "b"] * 15)
    notices = "\n".join(inspect_csv(tmp_path, columns).notices)
    assert "'item_grade' decides the target by itself" in notices
    assert "item_fair" not in notices


def test_a_feature_of_one_value_is_pointed_out(tmp_path: Path) -> None:
    """A constant costs tokens and tells nothing."""
    notices = inspect_csv(tmp_path, log_columns(user_country=["DE"] * ROWS)).notices
    assert any("'user_country' has one value in every row" in notice for notice in notices)


def test_over_long_ids_are_pointed_out(tmp_path: Path) -> None:
    """The wire refuses an id of more than 128 characters; training does not mind."""
    inspection = inspect_csv(tmp_path, log_columns(item_id=with_cells("a", {3: "i" * 129})))
    assert inspection.log is not None
    assert any("'item_id' exceeds the wire's 128" in notice for notice in inspection.notices)
