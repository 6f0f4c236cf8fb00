"""The engine that the plan names is the one that runs, or a sentence says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from ctr_service.backend.base import LOGITS
from ctr_service.backend.engine_names import ONNX_RUNTIME_CUDA
from ctr_service.bundle.bundle import Bundle, load_bundle
from ctr_service.clock import SystemClock
from ctr_service.engine_order import EngineOrder
from ctr_service.engines import open_engine, open_in_process
from ctr_service.errors import EngineUnavailableError
from ctr_service.plan import TIMED_ENGINE, Wishes, make_plan
from ctr_service.settings import Settings
from tests.support.openvino_variants import (
    IR_FILE,
    WEIGHTS_FILE,
    add_openvino,
    require_openvino,
    without_openvino,
    write_ir,
)
from tests.support.rows import make_row, padded
from tests.support.tiny_bundle import GRAPH_FILE, make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_service.backend.triton_observer import TritonObserver

FAR_NS = 1 << 62


async def _no_sleep(_: float) -> None:
    return


def _order(bundle: Bundle, wishes: Wishes) -> EngineOrder:
    return EngineOrder(
        settings=cast("Settings", None),  # engines in this process read none
        bundle=bundle,
        plan=make_plan(bundle.manifest, wishes, 2),
        clock=SystemClock(),
        sleep=_no_sleep,
        random=lambda: 0.0,
        observer=cast("TritonObserver", None),
    )


async def test_each_engine_of_a_bundle_serves_and_gives_the_same(tmp_path: Path) -> None:
    """ONNX Runtime, OpenVINO on the ONNX graph, and OpenVINO on its own two files."""
    require_openvino()
    folder = make_tiny_bundle(tmp_path / "bundle")
    write_ir(folder / GRAPH_FILE, folder / IR_FILE)
    add_openvino(folder, "fp32")
    add_openvino(folder, "int8-static", files=(IR_FILE, WEIGHTS_FILE), default=True)
    bundle = load_bundle(folder)
    rng = np.random.default_rng(0)
    # The tiny bundle's tokenizer has 84 pieces.
    rows = padded([make_row(rng, length) for length in (3, 9, 30)], 32)
    rows["input_ids"] = np.asarray(rows["input_ids"]) % 84
    found: dict[str, list[float]] = {}
    for wishes in (Wishes(), Wishes("openvino", "fp32"), Wishes("onnxruntime")):
        order = _order(bundle, wishes)
        engine = open_in_process(order)
        costs = await engine.warm_up()
        assert {(cost.bucket_tokens, cost.rows) for cost in costs} >= {(32, 1), (32, 32)}
        outputs = await engine.backend.run("joint", rows, FAR_NS)
        found[order.plan.graph_name] = np.asarray(outputs.tensors[LOGITS]).tolist()
        await engine.backend.close()
    default = found["joint/openvino/int8-static"]
    assert found.keys() == {
        "joint/openvino/int8-static",
        "joint/openvino/fp32",
        "joint/onnxruntime/fp32",
    }
    for values in found.values():
        np.testing.assert_allclose(values, default, atol=1e-5)


def test_a_default_that_cannot_run_here_says_what_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra, the sentence names it, and the flags of a graph that does run."""
    folder = make_tiny_bundle(tmp_path / "bundle")
    add_openvino(folder, "bf16", default=True)
    without_openvino(monkeypatch)
    with pytest.raises(EngineUnavailableError) as raised:
        open_in_process(_order(load_bundle(folder), Wishes()))
    sentence = str(raised.value)
    assert "pip install 'ctr-serve[openvino]'" in sentence
    assert "--engine onnxruntime --precision fp32" in sentence


def test_an_engine_of_a_later_release_is_a_sentence(tmp_path: Path) -> None:
    """A bundle may name an engine that this release does not have."""
    folder = make_tiny_bundle(tmp_path / "bundle")
    bundle = load_bundle(folder)
    engines = bundle.manifest.graphs["joint"]
    graphs = {"joint": {"abacus": engines["onnxruntime"]}}
    default = bundle.manifest.default.model_copy(update={"engine": "abacus"})
    manifest = bundle.manifest.model_copy(update={"graphs": graphs, "default": default})
    later = Bundle(folder, manifest, bundle.manifest_sha256)
    with pytest.raises(
        EngineUnavailableError,
        match=r"onnxruntime and openvino, not abacus.*no graph of another engine",
    ):
        open_in_process(_order(later, Wishes()))


def test_cuda_that_is_not_there_is_refused_and_not_fallen_back_from(tmp_path: Path) -> None:
    """The runtime would serve on the CPU without a word; here it says what is missing."""
    order = _order(load_bundle(make_tiny_bundle(tmp_path / "bundle")), Wishes(ONNX_RUNTIME_CUDA))
    assert order.plan.engine == ONNX_RUNTIME_CUDA
    with (
        pytest.warns(UserWarning, match="not in available provider"),
        pytest.raises(EngineUnavailableError, match=r"extra gpu.*--engine onnxruntime --precision"),
    ):
        open_in_process(order)


async def test_the_timed_engine_sleeps_for_what_its_settings_say(tmp_path: Path) -> None:
    """A run of 4 rows in a bucket of 32 at 10 ms and 0.1 ms a token takes 22.8 ms, as it says."""
    bundle = load_bundle(make_tiny_bundle(tmp_path / "bundle"))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    settings = Settings(bundle=bundle.folder, scripted_run_s=0.01, scripted_token_s=0.0001)
    wishes = Wishes(TIMED_ENGINE, sessions=3)
    engine = open_engine(replace(_order(bundle, wishes), settings=settings, sleep=sleep))
    assert engine.backend.slots == 3
    rows = padded([make_row(np.random.default_rng(0), 9)] * 4, 32)
    outputs = await engine.backend.run("joint", rows, FAR_NS)
    assert slept == [pytest.approx(0.0228)]
    assert len(np.asarray(outputs.tensors[LOGITS])) == 4
    for cost in await engine.warm_up():
        assert cost.seconds == pytest.approx(0.01 + 0.0001 * cost.rows * cost.bucket_tokens)
