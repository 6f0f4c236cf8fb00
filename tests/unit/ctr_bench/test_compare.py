"""Comparisons of two sides: a difference that is there, and one that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_bench.compare import Comparison, blocks_of
from ctr_bench.errors import BenchError
from ctr_bench.slo import Slo
from tests.support.load_records import answered, records

if TYPE_CHECKING:
    from ctr_bench.record import Records

SLO = Slo(100.0)


def run(rng: np.random.Generator, scale_ms: float, requests: int = 200) -> Records:
    """A run whose latencies spread about a scale."""
    latencies_ms = scale_ms * rng.lognormal(0, 0.3, requests)
    return records(*(answered(10 * (i + 1), float(ms)) for i, ms in enumerate(latencies_ms)))


def compared(slower: float) -> Comparison:
    """Ten pairs in minutes of different speed; B takes so many times as long as A."""
    rng = np.random.default_rng(3)
    comparison = Comparison(SLO)
    for minute in rng.uniform(0.7, 1.4, 10):
        comparison.add(run(rng, 20 * minute), run(rng, 20 * minute * slower))
    return comparison


def test_two_alike_are_no_difference() -> None:
    """The interval holds 1 in p50, p99 and goodput."""
    figures = compared(1.0).figures(seed=0)
    assert figures.keys() == {"p50_ms", "p99_ms", "goodput_pairs_s"}
    for name, found in figures.items():
        assert not found.differs
        assert found.sentence(name, less_is_better=True).endswith(": no difference")


def test_a_slower_side_is_told_with_its_ratio() -> None:
    """15 % slower in minutes that differ by a factor of two: the ratio is 1.15, and worse."""
    found = compared(1.15).figures(seed=0)["p50_ms"]
    assert found.differs
    assert found.ratio.value == pytest.approx(1.15, abs=0.03)
    assert found.sentence("p50_ms", less_is_better=True).endswith(": B is worse")


def test_less_goodput_is_worse() -> None:
    """B answers half of its requests too late."""
    comparison = Comparison(SLO)
    for _ in range(6):
        late = records(*(answered(10 * (i + 1), 150.0 if i % 2 else 20.0) for i in range(100)))
        comparison.add(records(*(answered(10 * (i + 1), 20.0) for i in range(100))), late)
    found = comparison.figures(seed=0)["goodput_pairs_s"]
    assert found.ratio.value == pytest.approx(0.5)
    assert found.sentence("goodput", less_is_better=False).endswith(": B is worse")


def test_too_few_pairs_are_refused() -> None:
    """Two pairs have no interval; those that were left out are told."""
    comparison = Comparison(SLO, left_out=8)
    rng = np.random.default_rng(0)
    comparison.add(run(rng, 20), run(rng, 20))
    with pytest.raises(BenchError, match=r"1 valid pairs.*8 were left out"):
        comparison.figures(seed=0)


def test_a_run_is_cut_in_blocks_of_equal_time() -> None:
    """200 requests in 2 s give ten blocks of 20, each with a time of its own and all latencies."""
    whole = run(np.random.default_rng(0), 20)
    blocks = blocks_of(whole)
    assert [len(block.records) for block in blocks] == [20] * 10
    assert sum(block.seconds for block in blocks) == pytest.approx(2.0)
    assert np.concatenate([b.records.latency_ms for b in blocks]).tolist() == pytest.approx(
        whole.latency_ms.tolist()
    )
    due_ns = [block.records.scheduled_ns for block in blocks]
    assert all(0 <= one[0] <= one[-1] < 2.1e8 for one in due_ns)
    with pytest.raises(BenchError, match="too short"):
        blocks_of(run(np.random.default_rng(0), 20, requests=5))
