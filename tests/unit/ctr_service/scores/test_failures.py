"""Claims of `ctr_service.scores.failures`: which rows are not tried, and for how long."""

from __future__ import annotations

from ctr_service.errors import BackendFailedError
from ctr_service.scores.cache import Score
from ctr_service.scores.failures import MAX_ROWS, FailedRows

ROW, OTHER = ("q", "poison"), ("q", "good")
ERROR = BackendFailedError("scripted")
TTL_NS = 100


def scored(*rows: tuple[str, ...]) -> list[Score]:
    """Scores of rows."""
    return [Score(row, 0.5, ()) for row in rows]


def test_two_failures_with_a_score_between_them_are_held_against_a_row() -> None:
    """It is not tried until the time is over, and told why."""
    rows = FailedRows(TTL_NS)
    rows.failed(ROW, ERROR, 0)
    assert rows.error_of(ROW, 0) is None
    rows.scored(scored(OTHER))
    rows.failed(ROW, ERROR, 10)
    assert rows.error_of(ROW, 109) is ERROR
    assert rows.error_of(OTHER, 109) is None
    assert rows.error_of(ROW, 110) is None
    assert rows.refused == 1


def test_an_engine_that_is_down_is_held_against_no_row() -> None:
    """Without a score in between, any number of failures is the engine's."""
    rows = FailedRows(TTL_NS)
    for now_ns in range(10):
        rows.failed(ROW, ERROR, now_ns)
    assert rows.error_of(ROW, 10) is None


def test_a_row_that_is_scored_is_cleared() -> None:
    """It starts afresh; once tried again in vain, it waits again."""
    rows = FailedRows(TTL_NS)
    rows.failed(ROW, ERROR, 0)
    rows.scored(scored(OTHER, ROW))
    rows.failed(ROW, ERROR, 10)
    assert rows.error_of(ROW, 11) is None
    rows.scored(scored(OTHER))
    rows.failed(ROW, ERROR, 20)
    rows.failed(ROW, ERROR, 300)
    assert rows.error_of(ROW, 399) is ERROR


def test_no_more_than_so_many_are_remembered() -> None:
    """The one that failed longest ago goes."""
    rows = FailedRows(TTL_NS)
    for number in range(MAX_ROWS + 10):
        rows.failed(("q", str(number)), ERROR, number)
    assert len(rows) == MAX_ROWS


def test_without_a_time_every_row_is_tried() -> None:
    """A time of 0 turns it off."""
    rows = FailedRows(0)
    for now_ns in (0, 0):
        rows.failed(ROW, ERROR, now_ns)
        rows.scored(scored(OTHER))
    assert rows.error_of(ROW, 0) is None
