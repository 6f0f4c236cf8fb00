"""Which graph serves, and on how many sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_service.backend.engine_names import ONNX_RUNTIME_CUDA
from ctr_service.bundle.bundle import load_bundle
from ctr_service.bundle.manifest import Manifest, PlanRecord
from ctr_service.errors import SettingsError
from ctr_service.plan import (
    PLAN_TARGET,
    ZERO_COST_ENGINE,
    Wishes,
    make_plan,
    make_triton_plan,
)
from tests.support.openvino_variants import add_openvino
from tests.support.tiny_bundle import make_tiny_bundle
from tests.support.triton_repository import make_triton_bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A manifest with one variant, and a layout of two sessions of one thread."""
    return load_bundle(make_tiny_bundle(tmp_path_factory.mktemp("plan") / "bundle")).manifest


def with_layout(manifest: Manifest, sessions: int, threads: int) -> Manifest:
    """The same manifest with another layout."""
    layout = manifest.layout.model_copy(update={"sessions": sessions, "threads_a_session": threads})
    return manifest.model_copy(update={"layout": layout})


@pytest.mark.parametrize(
    ("layout", "wishes", "cpus", "expected"),
    [
        ((2, 1), Wishes(), 2, (2, 1)),
        ((2, 1), Wishes(), 16, (2, 1)),
        ((2, 1), Wishes(), 1, (1, 1)),
        ((4, 2), Wishes(), 4, (2, 2)),
        ((1, 8), Wishes(), 2, (1, 2)),
        ((4, 2), Wishes(threads=1), 4, (4, 1)),
        ((2, 1), Wishes(sessions=8), 2, (8, 1)),
        ((2, 1), Wishes(sessions=1, threads=4), 2, (1, 4)),
    ],
)
def test_the_layout_is_cut_to_the_cpus_and_wishes_are_obeyed(
    manifest: Manifest,
    layout: tuple[int, int],
    wishes: Wishes,
    cpus: int,
    expected: tuple[int, int],
) -> None:
    """The bundle's sessions x threads shrink to fit; what the operator asks for is taken as is."""
    plan = make_plan(with_layout(manifest, *layout), wishes, cpus)
    assert (plan.sessions, plan.threads_a_session) == expected


def test_the_default_variant_serves(manifest: Manifest) -> None:
    """Without a wish it is the bundle's default choice."""
    plan = make_plan(manifest, Wishes(), 2)
    assert plan.graph_name == "joint/onnxruntime/fp32"
    assert plan.variant == manifest.variant("joint", "onnxruntime", "fp32")


@pytest.mark.parametrize("wishes", [Wishes(engine="openvino"), Wishes(precision="int8")])
def test_a_variant_that_is_not_there_is_a_sentence(manifest: Manifest, wishes: Wishes) -> None:
    """The error lists what the bundle has."""
    with pytest.raises(SettingsError, match="may be onnxruntime/fp32"):
        make_plan(manifest, wishes, 2)


@pytest.fixture
def two_engines(tmp_path: Path) -> Manifest:
    """ONNX Runtime at float32 and 8 bits, OpenVINO at bfloat16 and 8 bits, which is the default."""
    folder = make_tiny_bundle(tmp_path / "two")
    add_openvino(folder, "bf16", pairs_per_second=20_000)
    add_openvino(folder, "int8-static", default=True, pairs_per_second=30_000)
    manifest = load_bundle(folder).manifest
    engines = manifest.graphs["joint"]
    plain = engines["onnxruntime"]["fp32"]
    faster = {
        "int8-token": plain.model_copy(update={"pairs_per_second": 12_000.0}),
        "int8-dynamic": plain.model_copy(update={"pairs_per_second": 11_000.0}),
    }
    engines = engines | {"onnxruntime": engines["onnxruntime"] | faster}
    return manifest.model_copy(update={"graphs": {"joint": engines}})


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (Wishes(), "openvino/int8-static"),
        (Wishes(engine="openvino"), "openvino/int8-static"),
        (Wishes(engine="onnxruntime"), "onnxruntime/int8-token"),
        (Wishes(precision="fp32"), "onnxruntime/fp32"),
        (Wishes(precision="bf16"), "openvino/bf16"),
        (Wishes(engine="onnxruntime", precision="fp32"), "onnxruntime/fp32"),
        (Wishes(engine="scripted-zero-cost"), "scripted-zero-cost/int8-static"),
        (Wishes(engine="scripted-timed"), "scripted-timed/int8-static"),
    ],
)
def test_half_a_wish_is_met_by_the_default_or_else_by_the_fastest(
    two_engines: Manifest, wishes: Wishes, expected: str
) -> None:
    """`--engine` or `--precision` alone is enough; the other half follows."""
    assert make_plan(two_engines, wishes, 2).graph_name == f"joint/{expected}"


def test_a_pair_that_is_not_there_is_no_other_one(two_engines: Manifest) -> None:
    """A whole wish is met exactly or refused."""
    with pytest.raises(SettingsError, match=r"no onnxruntime/bf16; .* openvino/bf16"):
        make_plan(two_engines, Wishes("onnxruntime", "bf16"), 2)


def test_the_engine_without_a_model_stands_in_for_the_default_and_says_so(
    manifest: Manifest,
) -> None:
    """It takes the default's layout and calibration, and its own name is what GetModel tells."""
    plan = make_plan(manifest, Wishes(engine=ZERO_COST_ENGINE), 2)
    assert plan.engine == ZERO_COST_ENGINE
    assert plan.graph_name == "joint/scripted-zero-cost/fp32"
    assert plan.variant == manifest.variant("joint", "onnxruntime", "fp32")


def test_on_cuda_the_float32_graph_serves_in_the_gpus_layout(tmp_path: Path) -> None:
    """8-bit graphs are made for CPUs, and a CPU's batches leave a GPU idle."""
    folder = make_triton_bundle(tmp_path / "bundle")
    add_openvino(folder, "int8-static", default=True)
    manifest = load_bundle(folder).manifest
    plan = make_plan(manifest, Wishes(engine=ONNX_RUNTIME_CUDA), 2)
    assert plan.graph_name == "joint/onnxruntime-cuda/fp32"
    assert plan.variant == manifest.variant("joint", "onnxruntime", "fp32")
    assert plan.layout == manifest.triton["onnxruntime-cuda"].layout


def test_with_triton_the_targets_layout_is_served(tmp_path: Path) -> None:
    """Graph and layout are those that the target was exported for; GetModel names it."""
    manifest = with_plan(load_bundle(make_triton_bundle(tmp_path / "bundle")).manifest)
    for name, target in manifest.triton.items():
        plan = make_triton_plan(manifest, name, 3, 2)
        assert plan.layout == target.layout
        assert plan.variant == manifest.variant(target.graph, target.engine, target.precision)
        assert plan.graph_name == f"joint/triton:{name}/fp32"
        assert plan.sessions == 3


def test_a_tensorrt_plan_without_a_record_is_not_served(tmp_path: Path) -> None:
    """The gateway's copy of the bundle is older than the plan, or nobody judged the plan."""
    manifest = load_bundle(make_triton_bundle(tmp_path / "bundle")).manifest
    with pytest.raises(SettingsError, match=r"no record of its plan.*ctr-export tensorrt"):
        make_triton_plan(manifest, PLAN_TARGET, 0, 2)


def with_plan(manifest: Manifest) -> Manifest:
    """Return a manifest that says who built its plan."""
    record = PlanRecord(
        graph_sha256="0" * 64,
        gpu="NVIDIA L4",
        compute_capability="8.9",
        driver_version="550.54.15",
        tensorrt_version="10.9.0.34",
        build_seconds=1.0,
        profiles=1,
        pairs=1,
        max_abs_delta_probability=0.0,
        p99_abs_delta_probability=0.0,
    )
    built = manifest.triton[PLAN_TARGET].model_copy(update={"plan": record})
    return manifest.model_copy(update={"triton": {**manifest.triton, PLAN_TARGET: built}})
