"""Small pieces: durations, regular expressions, shortened windows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_alerts.duration import Duration
from ctr_alerts.promql import any_of, bound
from ctr_alerts.series import Phase, counter
from ctr_alerts.timing import Timing
from ctr_alerts.windows import Intervals

INTERVALS = Intervals.model_validate({"scrape": "15s", "page": "30s", "ticket": "2m"})


@given(st.integers(min_value=1, max_value=10**12))
def test_a_duration_is_read_as_it_is_written(ms: int) -> None:
    """Writing and reading give the same length."""
    assert Duration.parse(str(Duration(ms))) == Duration(ms)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(300_000, "5m"), (86_400_000, "1d"), (90_000, "90s"), (1_500, "1500ms"), (100_000, "100s")],
)
def test_a_duration_is_written_in_its_largest_unit(ms: int, text: str) -> None:
    """As people write it in rules."""
    assert str(Duration(ms)) == text


NAMES = st.from_regex(r"[A-Za-z0-9_.]+/[A-Za-z0-9_]+", fullmatch=True)


@given(st.lists(NAMES, min_size=1), NAMES)
def test_any_of_matches_these_names_and_no_other(names: list[str], other: str) -> None:
    """The dots of a span's name mean themselves."""
    pattern = re.compile(any_of(names))
    assert all(pattern.fullmatch(name) for name in names)
    assert bool(pattern.fullmatch(other)) == (other in names)


def test_a_bound_is_found_as_either_exporter_writes_it() -> None:
    """prometheus_client writes 100.0 and the Collector 100; a fraction is written alike."""
    assert bound(100.0) == 'le=~"100([.]0)?"'
    assert bound(2.5) == 'le="2.5"'


def test_a_counter_goes_on_where_its_last_phase_ended() -> None:
    """Phases follow each other without a jump, in promtool's notation."""
    series = counter("x", Phase(3, 2), Phase(2, 0), Phase(1, 5))
    assert series.values == "0 2+2x2 6+0x1 11+5x0"


def test_at_full_scale_nothing_is_changed() -> None:
    """Production's windows are what the file says."""
    timing = Timing(INTERVALS)
    for text in ("5m", "1h", "3d"):
        assert str(timing.window(Duration.parse(text))) == text
    assert str(timing.scrape) == "15s"
    assert str(timing.wait(Duration.parse("1m"))) == "1m"


def test_shortened_windows_still_hold_enough_scrapes() -> None:
    """An hour becomes 18 s; five minutes become four scrapes, not 1.5 s; a scrape stays 1 s."""
    timing = Timing(INTERVALS, 0.005)
    assert str(timing.window(Duration.parse("1h"))) == "18s"
    assert str(timing.window(Duration.parse("5m"))) == "4s"
    assert str(timing.scrape) == "1s"
    assert str(timing.wait(Duration.parse("1m"))) == "300ms"
