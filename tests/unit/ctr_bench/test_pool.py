"""All requests of one rate, judged together by an SLO."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_bench.errors import BenchError
from ctr_bench.pool import joined, judge
from ctr_bench.record import RESOURCE_EXHAUSTED
from ctr_bench.slo import Slo
from ctr_bench.verdict import Decision
from tests.support.load_records import answered, failed, records

if TYPE_CHECKING:
    from ctr_bench.record import Row

SLO = Slo(100.0)


def requests(count: int, late: int = 0) -> list[Row]:
    """So many requests, one every 10 ms, the first of them late."""
    return [answered(10 * (i + 1), 150.0 if i < late else 20.0) for i in range(count)]


def test_joined_runs_keep_latency_and_add_up_their_time() -> None:
    """Two runs of 1 s and 2 s at 16 items: goodput is over 3 s, latencies are what they were."""
    both = joined([records(*requests(100)), records(*requests(200))])
    judged = judge(both, SLO)
    assert judged.requests == 300
    assert judged.figures.goodput_pairs_s == pytest.approx(1_600)
    assert judged.figures.p99_ms == 20.0
    assert (both.scheduled_ns[1:] > both.scheduled_ns[:-1]).all()


@pytest.mark.parametrize(
    ("late", "words", "decision"),
    [
        (0, "held (at 99 %)", Decision.HELD),
        (4, "held (point)", Decision.UNDECIDED),
        (5, "not held (point)", Decision.UNDECIDED),
        (20, "not held (at 99 %)", Decision.NOT_HELD),
    ],
)
def test_the_words_say_whether_the_count_or_the_statistics_decide(
    late: int, words: str, decision: Decision
) -> None:
    """Of 500 requests four may be late; between 0 and 11 the statistics leave it open."""
    judged = judge(records(*requests(500, late)), SLO)
    assert (str(judged), judged.decision, judged.late) == (words, decision, late)


def test_refusals_are_late_and_too_many_of_them_never_hold() -> None:
    """Two fast refusals of 500 keep p99, but 99.9 % of all must be answered well."""
    rows = requests(500)
    rows[:2] = [failed(10, 0.1, RESOURCE_EXHAUSTED)] * 2
    judged = judge(records(*rows), SLO)
    assert judged.late == 2
    assert judged.decision is Decision.UNDECIDED
    assert not judged.held


def test_a_late_generator_is_said_and_holds_nothing() -> None:
    """Lag beyond a tenth of the SLO makes the judgement invalid."""
    judged = judge(records(*(answered(i + 1, 20.0, lag_ms=11.0) for i in range(500))), SLO)
    assert str(judged) == "not held (invalid: the generator was late)"
    assert not judged.sure


def test_another_percentile_is_judged_by_its_own_share() -> None:
    """20 late of 500 break a p99 and keep a p95."""
    run = records(*requests(500, late=20))
    assert not judge(run, SLO).held
    p95 = judge(run, Slo.parse("p95=0.1s"))
    assert p95.held
    assert p95.slow_ms == 20.0


@pytest.mark.parametrize("text", ["100ms", "p99=100", "p99=-1ms", "p49=1ms", "p100=1ms", "p99=0ms"])
def test_an_slo_of_another_form_is_refused(text: str) -> None:
    """The message names the option and the form."""
    with pytest.raises(BenchError, match="--slo"):
        Slo.parse(text)


def test_an_slo_is_read_with_its_unit() -> None:
    """Seconds and milliseconds, and its text says both parts."""
    assert Slo.parse("p99=100ms") == Slo(100.0)
    assert str(Slo.parse("p99.9=0.5s")) == "p99.9 <= 500 ms"
