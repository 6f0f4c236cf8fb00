"""The raw bound runs every row once, sorted, and finds the best layout."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr.v1 import prediction_pb2
from ctr_bench.bound import bare, measure
from ctr_bench.bound.bare import BareList
from ctr_bench.bound.chunks import sorted_chunks
from ctr_bench.bound.measure import measure_bound
from ctr_bench.bound.naive import Naive
from ctr_bench.bound.rows import RowMaker, open_bundle
from ctr_bench.bound.sampler import BoundSampler
from ctr_bench.bound.sessions import triton_choice
from ctr_bench.errors import BenchError
from ctr_bench.workload import SearchMaker, Shape
from ctr_service.backend.base import INPUT_IDS, LENGTHS
from ctr_service.types import Row
from tests.support.openvino_variants import add_openvino, require_openvino
from tests.support.tiny_bundle import make_tiny_bundle
from tests.support.triton_bundle import make_triton_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.bundle.bundle import Bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny bundle."""
    return open_bundle(make_tiny_bundle(tmp_path_factory.mktemp("bound") / "bundle"))


def row(length: int, token: int) -> Row:
    """A row of one token, repeated."""
    return Row.of(np.full(length, token, dtype=np.int32), 2)


def lists_of(lengths: Sequence[Sequence[int]]) -> list[list[Row]]:
    """Rows with these lengths; each row has a token of its own."""
    tokens = iter(range(1, 1_000))
    return [[row(length, next(tokens)) for length in of_list] for of_list in lengths]


def test_every_row_is_in_one_chunk() -> None:
    """Nothing is lost or run twice, whatever the chunk size leaves over."""
    lists = lists_of([[9, 3, 5], [4, 4, 8], [7, 2, 6]])
    chunks = sorted_chunks(lists, 2, pad_id=0, lists_a_window=2)
    tokens = Counter(int(ids[0]) for chunk in chunks for ids in chunk[INPUT_IDS])
    assert tokens == Counter(range(1, 10))
    assert [len(chunk[LENGTHS]) for chunk in chunks] == [2, 2, 2, 2, 1]


def test_rows_are_sorted_within_a_window_and_padded_to_their_chunk() -> None:
    """Two lists of a window are merged by length; each batch is as wide as its longest row."""
    chunks = sorted_chunks(lists_of([[9, 3], [4, 8]]), 2, pad_id=0, lists_a_window=2)
    assert [chunk[LENGTHS].tolist() for chunk in chunks] == [[3, 4], [8, 9]]
    assert [chunk[INPUT_IDS].shape for chunk in chunks] == [(2, 4), (2, 9)]


def test_windows_are_not_merged() -> None:
    """Rows of a later window never come before those of an earlier one."""
    chunks = sorted_chunks(lists_of([[9, 8], [1, 2]]), 2, pad_id=0, lists_a_window=1)
    assert [chunk[LENGTHS].tolist() for chunk in chunks] == [[8, 9], [1, 2]]


def test_the_best_layout_is_the_bound(bundle: Bundle) -> None:
    """Each layout is measured, the greatest rate counts, and the graph is named."""
    bound = measure_bound(bundle, lists_of([[9, 3, 12, 30]] * 4), 0.02, chunks_rows=(2, 4))
    assert bound.pairs_s == max(bound.by_layout.values()) == bound.by_layout[bound.best]
    assert {layout.chunk_rows for layout in bound.by_layout} == {2, 4}
    assert bound.graph == "joint/onnxruntime/fp32"


def test_a_session_is_counted_over_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last batch ends after the time is up, and counts with the time that it took."""
    runs: list[object] = []
    clock = SimpleNamespace(perf_counter=lambda: 0.4 * len(runs))
    monkeypatch.setattr(measure, "time", clock)
    batches = [{LENGTHS: np.ones(2, dtype=np.int32)}]
    pairs_s = measure.throughput([SimpleNamespace(run=runs.append)], batches, seconds=1.0)
    assert pairs_s == pytest.approx(3 * 2 / 1.2)


def test_a_bare_list_is_timed_as_often_as_asked(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sample runs every row of every list anew, on the one session that was opened."""
    rows: list[int] = []

    def scripted_run(tensors: Mapping[str, NDArray[np.generic]]) -> None:
        rows.append(len(tensors[LENGTHS]))

    sessions = [SimpleNamespace(run=scripted_run)]
    monkeypatch.setattr(bare, "open_sessions", lambda *_, **__: sessions)
    list_time = BareList(bundle, bundle.manifest.default, lists_of([[9, 3, 12, 30]] * 4))
    for _ in range(2):
        rows.clear()
        assert list_time.sample() > 0
        assert sum(rows) == 16


def test_the_bound_runs_the_engine_that_serves(tmp_path: Path) -> None:
    """With a default on OpenVINO the bound is OpenVINO's, unless another graph is asked for."""
    require_openvino()
    folder = make_triton_bundle(tmp_path / "bundle")
    add_openvino(folder, "fp32", default=True)
    bundle, lists = open_bundle(folder), lists_of([[9, 3, 12, 30]] * 4)
    assert measure_bound(bundle, lists, 0.02, chunks_rows=(2,)).graph == "joint/openvino/fp32"
    served = triton_choice(bundle, "cpu")
    found = measure_bound(bundle, lists, 0.02, chunks_rows=(2,), choice=served)
    assert found.graph == "joint/onnxruntime/fp32"


def test_a_target_that_the_bundle_has_not_is_named(bundle: Bundle) -> None:
    """A bundle without repositories cannot be measured in Triton."""
    with pytest.raises(BenchError, match="no triton/cpu"):
        triton_choice(bundle, "cpu")


def test_the_naive_peer_answers_every_candidate(bundle: Bundle) -> None:
    """Its answer has a probability for each item, in order; so it does the same work."""
    rows = RowMaker(bundle)
    search = SearchMaker(("red lamp", "oak shelf"), rows, Shape(5, rows.features), 0).search()
    answer = prediction_pb2.PredictClicksResponse.FromString(
        Naive(bundle, bundle.manifest.default).score(search.serialise())
    )
    assert [p.item_id for p in answer.predictions] == [item.item_id for item in search.items]
    assert len({p.click_probability for p in answer.predictions}) > 1


def test_a_sampler_tells_the_mean_of_what_it_saw_meanwhile(bundle: Bundle) -> None:
    """A ratio is to the samples since the side that it is of began, not to those before."""
    lists = lists_of([[3, 4, 5]])
    choice = bundle.manifest.default
    bound = measure_bound(bundle, lists, 0.01, chunks_rows=(2,), choice=choice)
    sampler = BoundSampler(bundle, choice, bound.best, lists)
    before = sampler.sample(0.01)
    began = len(sampler)
    meanwhile = [sampler.sample(0.01), sampler.sample(0.01)]
    assert began == 1
    assert sampler.mean_since(began) == pytest.approx(sum(meanwhile) / 2)
    assert sampler.mean_since() == pytest.approx((before + sum(meanwhile)) / 3)
