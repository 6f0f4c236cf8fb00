"""Claims about candidates that cannot be made or run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

import onnx
import pytest
from onnx import TensorProto, helper

from ctr_export import making
from ctr_export.catalogue import (
    CATALOGUE,
    FUSED,
    OPENVINO_BF16,
    OPENVINO_FP32,
    OPENVINO_STATIC,
    OPENVINO_STATIC_BF16,
    PLAIN,
    TOKEN,
    UNPADDED,
    choose_candidates,
)
from ctr_export.chunks import TimedChunks, full_chunk
from ctr_export.errors import ExportError
from ctr_export.layout import open_pool
from ctr_export.making import MAKERS, Material
from ctr_export.saturation import WHOLE_RANGE
from ctr_export.trials import Trial, make_trials, time_trials
from ctr_service.bundle.manifest import Layout
from ctr_service.clock import SystemClock
from tests.support.openvino_variants import require_openvino, without_openvino
from tests.support.tiny_bundle import make_tiny_graph

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedConfig

    from ctr_export.catalogue import Candidate
    from ctr_export.pool import SessionPool

LAYOUT = Layout(buckets_tokens=(8,), max_batch_tokens=32, sessions=1, threads_a_session=1)
NO_CONFIG = cast("PreTrainedConfig", None)


ONE_CHUNK = TimedChunks([full_chunk(2, 8)], [full_chunk(2, 8)])


def _material(plain: Path) -> Material:
    return Material(plain, plain, NO_CONFIG, [], WHOLE_RANGE)


def _open(candidate: Candidate, path: Path) -> SessionPool:
    return open_pool(candidate, path, LAYOUT, clock=SystemClock())


def test_what_cannot_be_made_is_refused_not_fatal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An optimizer that stumbles over a model costs that candidate only."""

    def stumble(_material: Material, _target: Path) -> None:
        raise AssertionError("unexpected pattern")

    monkeypatch.setitem(making.MAKERS, FUSED, stumble)
    make_tiny_graph(tmp_path / "fp32.onnx", 100, 0)
    material = _material(tmp_path / "fp32.onnx")
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
    good, bad = time_trials(trials, ONE_CHUNK, _open)
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
    good, bad = time_trials(trials, ONE_CHUNK, _open)
    assert good.speed is not None
    assert "cannot be run" in bad.failure


def test_what_several_candidates_run_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO reads the plain graph itself, and one 8-bit graph serves at two precisions."""
    made: list[Path] = []
    monkeypatch.setitem(
        making.MAKERS, OPENVINO_STATIC, lambda _material, target: made.append(target)
    )
    material = _material(tmp_path / "fp32.onnx")
    wanted = choose_candidates([OPENVINO_BF16, OPENVINO_STATIC, OPENVINO_STATIC_BF16])
    trials = make_trials(wanted, material, tmp_path, lambda _text: None)
    plain, bf16, static, static_bf16 = (trial.path for trial in trials)
    assert bf16 == plain == material.plain
    assert made == [static] == [static_bf16]
    assert static.suffix == ".xml"


def test_an_engine_that_is_not_here_is_named_and_the_others_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without OpenVINO and NNCF each of their candidates says what to install."""
    without_openvino(monkeypatch)
    monkeypatch.setitem(sys.modules, "nncf", None)
    make_tiny_graph(tmp_path / "fp32.onnx", 100, 0)
    material = _material(tmp_path / "fp32.onnx")
    wanted = choose_candidates([OPENVINO_BF16, OPENVINO_STATIC, OPENVINO_STATIC_BF16])
    trials = make_trials(wanted, material, tmp_path, lambda _text: None)
    plain, *others = time_trials(trials, ONE_CHUNK, _open)
    assert plain.speed is not None
    for trial in others:
        assert trial.speed is None
        assert trial.failure.startswith("not tried: OpenVINO cannot be loaded")
        assert "pip install" in trial.failure


def test_without_nncf_only_its_graphs_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bfloat16 needs OpenVINO alone."""
    require_openvino()
    monkeypatch.setitem(sys.modules, "nncf", None)
    make_tiny_graph(tmp_path / "fp32.onnx", 100, 0)
    material = _material(tmp_path / "fp32.onnx")
    wanted = choose_candidates([OPENVINO_FP32, OPENVINO_STATIC])
    trials = make_trials(wanted, material, tmp_path, lambda _text: None)
    _, float32, static = time_trials(trials, ONE_CHUNK, _open)
    assert float32.speed is not None
    assert "NNCF cannot be loaded" in static.failure


def test_every_file_has_a_maker() -> None:
    """Catalogue and makers name the same graphs."""
    assert MAKERS.keys() == {one.file for one in CATALOGUE.values()} - {PLAIN, UNPADDED}


def test_an_unknown_candidate_is_refused() -> None:
    """The error names it and lists what there is."""
    with pytest.raises(
        ExportError, match="int4; there are fp32, fp32-unpadded, fp32-fused, openvino/fp32"
    ):
        choose_candidates(["int4"])


def test_the_plain_graph_is_always_tried() -> None:
    """Whatever is asked for, the plain graph comes first."""
    assert [c.name for c in choose_candidates([TOKEN])] == [PLAIN, TOKEN]


def test_a_candidate_may_be_called_by_its_engine_too() -> None:
    """Old names mean ONNX Runtime; it may be said."""
    assert choose_candidates(["onnxruntime/int8-token"]) == choose_candidates(["int8-token"])
