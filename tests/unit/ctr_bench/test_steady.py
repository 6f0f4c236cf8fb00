"""What a closed loop is counted by: the answers of a window in which the server is full."""

from __future__ import annotations

import pytest

from ctr_bench.goodput import steady_pairs_s
from ctr_bench.record import RESOURCE_EXHAUSTED
from tests.support.load_records import ITEMS, answered, failed, records


def test_a_full_server_is_counted_for_what_it_does_while_it_is_full() -> None:
    """One list each 100 ms is ten a second, though the first came late and the last ones drain."""
    full = [answered(at_ms, 400) for at_ms in range(0, 3_000, 100)]
    assert steady_pairs_s(records(*full), 1.0, 3.0) == pytest.approx(10 * ITEMS)


def test_answers_outside_the_window_and_those_that_are_not_complete_do_not_count() -> None:
    """The window's begin is outside, its end inside; a refusal and a fallback are no work done."""
    told = records(
        answered(0, 1_000),
        answered(900, 101),
        answered(1_900, 100),
        answered(1_950, 51),
        answered(1_500, 100, fallback=1),
        failed(1_500, 100, RESOURCE_EXHAUSTED),
    )
    assert steady_pairs_s(told, 1.0, 2.0) == pytest.approx(2 * ITEMS)
