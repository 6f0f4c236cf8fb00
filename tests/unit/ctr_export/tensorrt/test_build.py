"""Claims about building a plan into a bundle, with a maker of plans that needs no GPU."""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from ctr_export.build import build_bundle
from ctr_export.catalogue import PLAIN
from ctr_export.commands.tensorrt import tensorrt
from ctr_export.errors import ExportError, PlanRefusedError
from ctr_export.options import BuildOptions
from ctr_export.tensorrt.build import PlanOptions, build_plan, plan_path, recipe_of, target_of
from ctr_export.tensorrt.recipe import trtexec_command
from ctr_export.triton.check import check_repositories
from ctr_service.bundle.bundle import load_bundle
from ctr_service.clock import ManualClock, SystemClock
from ctr_train.checkpoint import load_checkpoint
from tests.support.tensorrt_world import FACTS, GPU, PLAN, FakeMaker
from tests.support.tiny_bundle import make_tiny_bundle
from tests.support.tiny_checkpoint import make_tiny_checkpoint
from tests.support.tiny_model import one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.bundle.manifest import PlanRecord


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint."""
    return make_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle without a plan, which no test changes."""
    out = tmp_path_factory.mktemp("bundle") / "tiny"
    options = BuildOptions(candidates=(PLAIN,))
    with one_torch_thread():
        build_bundle(checkpoint, out, options, clock=SystemClock(), say=lambda _: None)
    return out


@pytest.fixture
def bundle(exported: Path, tmp_path: Path) -> Path:
    """A copy that a test may build into."""
    return shutil.copytree(exported, tmp_path / "bundle")


def _build(bundle: Path, checkpoint: Path, maker: FakeMaker) -> PlanRecord:
    record, _ = build_plan(
        load_bundle(bundle),
        load_checkpoint(checkpoint),
        PlanOptions(timing_cache=bundle.parent / "timing.cache"),
        facts=FACTS,
        maker=maker,
        clock=ManualClock(),
        say=lambda _: None,
    )
    return record


def test_the_plan_and_who_built_it_are_in_the_bundle(bundle: Path, checkpoint: Path) -> None:
    """Plan, digest and record are written; every digest and every config still matches."""
    maker = FakeMaker()
    record = _build(bundle, checkpoint, maker)
    renewed = load_bundle(bundle)
    target, variant = target_of(renewed)
    assert plan_path(bundle, target).read_bytes() == PLAN
    assert target.plan == record
    assert (record.gpu, record.tensorrt_version) == (GPU.name, FACTS.tensorrt_version)
    assert record.graph_sha256 == variant.sha256
    assert record.pairs == 100
    assert record.profiles == len(target.layout.buckets_tokens)
    check_repositories(bundle, renewed.manifest)
    assert maker.opened[0].closed
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_a_second_build_takes_the_first_ones_place(bundle: Path, checkpoint: Path) -> None:
    """Building again on another machine renews the record, and nothing else."""
    _build(bundle, checkpoint, FakeMaker())
    before = load_bundle(bundle).manifest
    _build(bundle, checkpoint, FakeMaker())
    assert load_bundle(bundle).manifest == before


def test_a_plan_that_fails_the_gate_leaves_the_bundle(bundle: Path, checkpoint: Path) -> None:
    """NaN for one row: refused, the bundle untouched, the GPU's memory freed."""

    def spoil(logits: NDArray[np.float32], _: Mapping[str, NDArray[np.generic]]) -> None:
        logits[0] = np.nan

    before = load_bundle(bundle).manifest_sha256
    maker = FakeMaker(spoil)
    with pytest.raises(PlanRefusedError, match="no finite number"):
        _build(bundle, checkpoint, maker)
    assert load_bundle(bundle).manifest_sha256 == before
    assert maker.opened[0].closed


def test_another_checkpoint_is_refused(bundle: Path, tmp_path: Path) -> None:
    """Held-out rows of another model would judge nothing."""
    other = make_tiny_checkpoint(tmp_path / "other", seed=1)
    with pytest.raises(ExportError, match="the checkpoint's weights are not the bundle's"):
        _build(bundle, other, FakeMaker())


def test_an_older_bundle_is_told_to_be_exported_again(tmp_path: Path) -> None:
    """A bundle of the first release has no target for a plan."""
    bundle = load_bundle(make_tiny_bundle(tmp_path / "old"))
    with pytest.raises(ExportError, match="export it again"):
        target_of(bundle)


def test_trtexec_would_build_the_same(exported: Path, tmp_path: Path) -> None:
    """The command holds every profile, FP16, each LayerNorm in FP32 by its name, and the cache."""
    bundle = load_bundle(exported)
    target, variant = target_of(bundle)
    recipe = recipe_of(bundle, tmp_path / "timing.cache")
    words = trtexec_command(recipe, tmp_path / "model.plan")
    assert words[0] == "trtexec"
    assert {
        f"--onnx={bundle.path_of(variant)}",
        f"--timingCacheFile={tmp_path / 'timing.cache'}",
        "--fp16",
        "--precisionConstraints=obey",
        "--skipInference",
    } <= set(words)
    assert len(recipe.exact_layers) == 5  # two a layer, one of the embeddings
    (precisions,) = (word for word in words if word.startswith("--layerPrecisions="))
    assert precisions.count(":fp32") == 5
    for index, bucket in enumerate(target.layout.buckets_tokens):
        at = words.index(f"--profile={index}")
        rows = target.layout.max_batch_tokens // bucket
        most = f"input_ids:{rows}x{bucket},lengths:{rows},first_lengths:{rows}"
        assert words[at + 2 : at + 4] == [f"--optShapes={most}", f"--maxShapes={most}"]


def test_a_dry_run_needs_no_gpu(exported: Path) -> None:
    """Profiles and the command line are printed; nothing is written."""
    before = load_bundle(exported).manifest_sha256
    result = CliRunner().invoke(tensorrt, [str(exported), "--dry-run"])
    assert result.exit_code == 0, result.output
    command = result.stdout.partition("unrecorded:\n")[2].replace("\\\n", " ")
    words = shlex.split(command)
    target, _ = target_of(load_bundle(exported))
    assert words[0] == "trtexec"
    assert f"--saveEngine={plan_path(exported, target)}" in words
    assert load_bundle(exported).manifest_sha256 == before


def test_a_machine_without_a_gpu_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 and one sentence, before bundle and checkpoint are even looked at."""
    monkeypatch.setenv("PATH", "")
    result = CliRunner().invoke(tensorrt, ["absent", "--checkpoint", "absent"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no NVIDIA GPU: nvidia-smi is not on PATH")


def test_a_check_without_a_plan_says_what_to_build(exported: Path) -> None:
    """An init container must not let Triton start on an empty version folder."""
    result = CliRunner().invoke(tensorrt, [str(exported), "--check"])
    assert result.exit_code == 1
    assert "the bundle holds no plan yet" in result.stderr


def test_one_thing_is_asked_for_at_a_time(exported: Path) -> None:
    """Neither nothing nor both."""
    for options in ([], ["--dry-run", "--check"]):
        result = CliRunner().invoke(tensorrt, [str(exported), *options])
        assert result.exit_code == 2
        assert "give one of" in result.stderr
