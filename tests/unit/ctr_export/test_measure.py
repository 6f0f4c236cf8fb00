"""Claims about timing, on a clock that only the fake engine moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_export.chunks import full_chunk
from ctr_export.measure import Contender, measure_costs, measure_in_turn, measure_speeds
from ctr_export.pool import PoolRun, SessionPool
from ctr_service.backend.onnx_session import open_onnx_sessions
from ctr_service.bundle.manifest import Layout
from ctr_service.clock import SystemClock
from tests.support.tiny_bundle import make_tiny_graph

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctr_export.chunks import Chunk


class TimedPool(SessionPool):
    """Gives scripted seconds, and writes down when it was asked."""

    def __init__(self, name: str, seconds: Sequence[float], diary: list[str]) -> None:
        self._name, self._seconds, self._diary = name, iter(seconds), diary

    def run(self, chunks: Sequence[Chunk]) -> PoolRun:
        """Take the next scripted time."""
        self._diary.append(self._name)
        return PoolRun([], [next(self._seconds)] * len(chunks), next(self._seconds))


CHUNKS = [full_chunk(10, 8), full_chunk(6, 8)]


def test_rounds_alternate_and_turn() -> None:
    """Candidates take turns, and every other round runs backwards, after a warm-up round."""
    diary: list[str] = []
    pools = {name: TimedPool(name, [1.0] * 20, diary) for name in "ab"}
    measure_speeds(pools, CHUNKS, rounds=3)
    assert "".join(diary) == "ab" + "ab" + "ba" + "ab"


def test_each_contender_is_timed_on_chunks_of_its_own() -> None:
    """Pairs a second count the pairs of those very chunks."""
    slow, fast = (TimedPool(name, [1.0] * 20, []) for name in "ab")
    contenders = {1: Contender(slow, CHUNKS[:1]), 2: Contender(fast, CHUNKS)}
    speeds = measure_in_turn(contenders, rounds=3)
    assert [speeds[1].pairs_per_second, speeds[2].pairs_per_second] == [10, 16]


def test_speed_is_the_median_of_the_rounds() -> None:
    """One slow round does not move the figure; the spread is told as noise."""
    times = [9.0, 9.0]
    for seconds in (1.0, 2.0, 2.0, 2.0, 50.0):
        times += [0.0, seconds]
    speed = measure_speeds({"a": TimedPool("a", times, [])}, CHUNKS, rounds=5)["a"]
    assert speed.pairs_per_second == 16 / 2.0
    assert speed.noise == 0.0


def test_costs_cover_every_bucket() -> None:
    """One row and a full batch of each bucket are measured, with the median of the repeats."""
    layout = Layout(
        buckets_tokens=(8, 16, 32), max_batch_tokens=32, sessions=2, threads_a_session=1
    )
    times = [0.0, 0.0, 0.25, 0.0] * 10
    costs = measure_costs(TimedPool("a", times, []), layout)
    assert [(c.bucket_tokens, c.rows) for c in costs] == [(8, 1), (8, 4), (16, 1), (16, 2), (32, 1)]
    assert {cost.seconds for cost in costs} == {0.25}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hand-made graph with the real signature."""
    path = tmp_path_factory.mktemp("graph") / "tiny.onnx"
    make_tiny_graph(path, 100, 0)
    return path


def test_sessions_share_the_work_and_keep_the_rows_apart(graph: Path) -> None:
    """Three sessions give every row the logit that one session gives, in its place."""
    rng = np.random.default_rng(0)
    chunks = [full_chunk(4, 8) for _ in range(12)]
    for number, chunk in enumerate(chunks):
        chunk.indices[:] += 4 * number
        np.asarray(chunk.tensors["input_ids"])[:] = rng.integers(0, 100, (4, 8))
    clock = SystemClock()
    with (
        SessionPool(open_onnx_sessions(graph, sessions=1, threads=1), clock=clock) as one,
        SessionPool(open_onnx_sessions(graph, sessions=3, threads=1), clock=clock) as three,
    ):
        alone, shared = one.score(chunks, 50), three.score(chunks, 50)
        run = three.run(chunks)
    np.testing.assert_array_equal(alone, shared)
    assert np.isnan(shared[48:]).all()
    assert len(set(shared[:48].tolist())) > 40
    assert run.seconds > 0
    assert min(run.chunk_seconds) > 0
