"""Claims about candidates that cannot be made or run."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import onnx
import pytest
from onnx import TensorProto, helper

from ctr_export import making
from ctr_export.catalogue import CATALOGUE, FUSED, PLAIN, TOKEN, choose_candidates
from ctr_export.chunks import full_chunk
from ctr_export.errors import ExportError
from ctr_export.layout import open_pool
from ctr_export.making import MAKERS, Material
from ctr_export.trials import Trial, make_trials, time_trials
from ctr_service.bundle.manifest import Layout
from ctr_service.clock import SystemClock
from tests.support.tiny_bundle import make_tiny_graph

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedConfig

    from ctr_export.pool import SessionPool

LAYOUT = Layout(buckets_tokens=(8,), max_batch_tokens=32, sessions=1, threads_a_session=1)
NO_CONFIG = cast("PreTrainedConfig", None)


def _open(path: Path) -> SessionPool:
    return open_pool(path, LAYOUT, clock=SystemClock())


def test_what_cannot_be_made_is_refused_not_fatal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An optimizer that stumbles over a model costs that candidate only."""

    def stumble(_material: Material, _target: Path) -> None:
        raise AssertionError("unexpected pattern")

    monkeypatch.setitem(making.MAKERS, FUSED, stumble)
    make_tiny_graph(tmp_path / "fp32.onnx", 100, 0)
    material = Material(tmp_path / "fp32.onnx", NO_CONFIG, [])
    said: list[str] = []
    trials = make_trials(choose_candidates([FUSED, TOKEN]), material, tmp_path, said.append)
    assert [trial.candidate.precision for trial in trials] == [PLAIN, FUSED, TOKEN]
    assert "cannot be made" in trials[1].failure
    assert not trials[0].failure
    assert not trials[2].failure
    assert len(said) == 2


def test_what_cannot_be_loaded_is_refused_not_fatal(tmp_path: Path) -> None:
    """A file that the runtime does not load has no speed, and the others have theirs."""
    make_tiny_graph(tmp_path / "good.onnx", 100, 0)
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    trials = [
        Trial(CATALOGUE[PLAIN], tmp_path / "good.onnx"),
        Trial(CATALOGUE[TOKEN], tmp_path / "bad.onnx"),
    ]
    good, bad = time_trials(trials, [full_chunk(2, 8)], _open)
    assert good.speed is not None
    assert bad.speed is None
    assert "cannot be run" in bad.failure


def test_what_loads_but_does_not_run_is_refused_not_fatal(tmp_path: Path) -> None:
    """A graph that takes other inputs loads, and is refused when it is first run."""
    make_tiny_graph(tmp_path / "good.onnx", 100, 0)
    other = onnx.load(str(tmp_path / "good.onnx"))
    surprise = helper.make_tensor_value_info("surprise", TensorProto.INT32, ["rows"])
    other.graph.input.append(surprise)
    onnx.save(other, str(tmp_path / "other.onnx"))
    trials = [
        Trial(CATALOGUE[PLAIN], tmp_path / "good.onnx"),
        Trial(CATALOGUE[TOKEN], tmp_path / "other.onnx"),
    ]
    good, bad = time_trials(trials, [full_chunk(2, 8)], _open)
    assert good.speed is not None
    assert "cannot be run" in bad.failure


def test_every_candidate_but_the_plain_one_has_a_maker() -> None:
    """Catalogue and makers name the same graphs."""
    assert MAKERS.keys() == CATALOGUE.keys() - {PLAIN}


def test_an_unknown_candidate_is_refused() -> None:
    """The error names it and lists what there is."""
    with pytest.raises(ExportError, match="int4; there are fp32, fp32-fused"):
        choose_candidates(["int4"])


def test_the_plain_graph_is_always_tried() -> None:
    """Whatever is asked for, the plain graph comes first."""
    assert [c.precision for c in choose_candidates([TOKEN])] == [PLAIN, TOKEN]
