"""How arrivals are written, and what a wrong way is answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_bench.arrivals import parse_arrivals, read_times
from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from pathlib import Path


def test_every_way_gives_times_and_says_itself() -> None:
    """The text is parsed, the schedule has requests, and run.json names kind and numbers."""
    for text, requests in (
        ("poisson", 100),
        ("constant", 100),
        ("burst:every=5,length=1,times=3", 140),
        ("ramp:0..20", 100),
        ("diurnal:period=10,low=0.5", 75),
    ):
        arrivals = parse_arrivals(text)
        times = arrivals.times(rate=10, seconds=10, seed=0)
        assert len(times) == pytest.approx(requests, abs=60)
        assert arrivals.as_json()["kind"] == text.partition(":")[0]
    assert parse_arrivals("burst:times=3").numbers["times"] == 3
    assert not parse_arrivals("ramp:0..20").needs_rate


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sawtooth", "poisson, constant"),
        ("burst:height=3", "height"),
        ("burst:times=x", "times must be a number"),
        ("ramp:5", "ramp:FIRST..LAST"),
        ("ramp:a..b", "first must be a number"),
        ("poisson:rate=3", "no parameters"),
    ],
)
def test_a_wrong_way_is_named_with_what_may_stand_there(text: str, said: str) -> None:
    """The message names the part, not only that something is wrong."""
    with pytest.raises(BenchError, match=said):
        parse_arrivals(text)


def test_a_schedule_that_cannot_be_says_why() -> None:
    """Numbers that parse and make no schedule are an error of the option, not a traceback."""
    with pytest.raises(BenchError, match="0 < length < every"):
        parse_arrivals("burst:every=1,length=2").times(rate=1, seconds=5, seed=0)


def test_a_file_of_times_is_replayed_and_cut_at_the_length(tmp_path: Path) -> None:
    """A title line is skipped, other columns are ignored, and a speed of 2 halves the gaps."""
    path = tmp_path / "times.csv"
    path.write_text("seconds,what\n10,a\n11,b\n14,c\n")
    arrivals = parse_arrivals(f"replay:{path},speed=2")
    assert (arrivals.times(rate=0, seconds=0, seed=0) / 1e9).tolist() == [0, 0.5, 2]
    assert len(arrivals.times(rate=0, seconds=1, seed=0)) == 2
    assert arrivals.as_json()["file"] == "times.csv"


@pytest.mark.parametrize("content", ["1\n0\n", "1\nx\n", "", "1\nnan\n"])
def test_a_file_that_holds_no_times_is_named_with_its_line(tmp_path: Path, content: str) -> None:
    """Falling, no number, empty: path and, where there is one, the line."""
    path = tmp_path / "times.csv"
    path.write_text(content)
    with pytest.raises(BenchError, match=r"times\.csv(, line 2| holds)"):
        read_times(path)


def test_a_replay_without_times_says_where_they_come_from() -> None:
    """Neither a file nor a log: both are named."""
    with pytest.raises(BenchError, match="log:FILE"):
        parse_arrivals("replay").times(rate=0, seconds=0, seed=0)
