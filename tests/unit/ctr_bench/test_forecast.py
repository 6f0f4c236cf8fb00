"""Forecasts: what is read, and what is refused before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_bench.errors import BenchError
from ctr_bench.forecast import read_forecast

if TYPE_CHECKING:
    from pathlib import Path


def forecast_file(folder: Path, text: str) -> str:
    """Write a forecast and return its path."""
    path = folder / "forecast.csv"
    path.write_text(text)
    return str(path)


def test_a_peak_is_pairs_or_requests_a_second() -> None:
    """75 requests of 16 items are 1,200 pairs."""
    assert read_forecast("peak=1200", 16).peak_pairs_s == 1_200
    assert read_forecast("peak=75rps", 16).peak_pairs_s == 1_200


def test_a_file_of_times_gives_durations_mean_and_peak(tmp_path: Path) -> None:
    """Loads last until the next line, the last one as long as the one before it."""
    text = "time,pairs_per_s\n2026-11-27T18:00,100\n2026-11-27T19:00,300\n2026-11-27T21:00,200\n"
    found = read_forecast(forecast_file(tmp_path, text), 16)
    assert found.durations_s == [3_600, 7_200, 7_200]
    assert found.mean_pairs_s == pytest.approx((100 + 2 * 300 + 2 * 200) / 5)
    assert found.peak_pairs_s == 300
    assert found.most_within(3_600) == [300, 300, 200]
    assert found.most_within(60) == [100, 300, 200]


def test_requests_in_a_file_are_scaled_and_other_columns_ignored(tmp_path: Path) -> None:
    """Seconds are times too."""
    text = "time,requests_per_s,note\n0,10,night\n60,20,day\n"
    found = read_forecast(forecast_file(tmp_path, text), 4)
    assert list(found.pairs_s) == [40, 80]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,load\n0,1\n", "line 1: the header must have time,pairs_per_s"),
        ("time,pairs_per_s,requests_per_s\n0,1,1\n", "line 1"),
        ("time,pairs_per_s\n", "no rows"),
        ("time,pairs_per_s\n0,1\n60,many\n", "line 3, pairs_per_s"),
        ("time,pairs_per_s\n0,1\n60,-2\n", "line 3, pairs_per_s"),
        ("time,pairs_per_s\n0,nan\n", "line 2, pairs_per_s"),
        ("time,pairs_per_s\n0,1\n60\n", "line 3, pairs_per_s"),
        ("time,pairs_per_s\nsoon,1\n", "line 2, time"),
        ("time,pairs_per_s\n60,1\n60,2\n", "line 3, time: not after"),
        ("time,pairs_per_s\n0,1\n2026-11-27,2\n", "line 3, time: of another kind"),
        ("time,pairs_per_s\n2026-11-27,1\n2026-11-28T00:00Z,2\n", "line 3, time: of another kind"),
        ("time,pairs_per_s\n0,0\n60,0\n", "0 in every line"),
    ],
)
def test_a_malformed_forecast_is_refused_with_line_and_field(
    tmp_path: Path, text: str, message: str
) -> None:
    """The message says where, and never repeats the cell."""
    with pytest.raises(BenchError, match=message) as raised:
        read_forecast(forecast_file(tmp_path, text), 16)
    assert "many" not in str(raised.value)


@pytest.mark.parametrize("text", ["peak=", "peak=0", "peak=-5", "peak=5qps", "absent.csv"])
def test_what_is_no_forecast_says_what_one_is(text: str) -> None:
    """A wrong peak, or a file that is not there."""
    with pytest.raises(BenchError, match="peak=1200"):
        read_forecast(text, 16)
