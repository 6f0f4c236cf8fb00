"""A bundle, a GPU -> the same bundle with a plan in it, all of it or nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.errors import ExportError
from ctr_export.gate import GateLimits
from ctr_export.samples import read_sample, row_builder
from ctr_export.tensorrt.gate import PlanGate
from ctr_export.tensorrt.recipe import make_recipe
from ctr_export.triton.check import check_repositories
from ctr_export.triton.names import PLAN_FILE, TENSORRT, VERSION
from ctr_export.triton.repository import folder_digests, link_or_copy
from ctr_service.backend.base import LOGITS
from ctr_service.backend.onnx_session import OnnxSession
from ctr_service.bundle.bundle import write_manifest
from ctr_service.bundle.files import staged_directory
from ctr_service.bundle.manifest import PlanRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ctr_export.samples import Sample
    from ctr_export.tensorrt.base import PlanMaker
    from ctr_export.tensorrt.gate import PlanFigures
    from ctr_export.tensorrt.machine import Facts
    from ctr_export.tensorrt.recipe import Recipe
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.bundle.manifest import GraphVariant, Manifest, TritonTarget
    from ctr_service.clock import Clock
    from ctr_train.checkpoint import Checkpoint

NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Options of one build.

    Attributes:
        timing_cache: kernels' timings, kept between builds.
        pairs: most held-out rows that the plan is judged on.
        threads: of the float32 graph's session, on the CPU.
        seed: of samples and shuffles.
    """

    timing_cache: Path
    pairs: int = 2_000
    threads: int = 1
    seed: int = 0


def target_of(bundle: Bundle) -> tuple[TritonTarget, GraphVariant]:
    """Return the TensorRT target and the graph that its plan is built from.

    Raises:
        ExportError: the bundle has none.
    """
    manifest = bundle.manifest
    if TENSORRT not in manifest.triton:
        raise ExportError(
            f"{bundle.folder} has no TensorRT target: an older release wrote it; export it again"
        )
    target = manifest.triton[TENSORRT]
    return target, manifest.variant(target.graph, target.engine, target.precision)


def plan_path(bundle: Path, target: TritonTarget) -> Path:
    """Where a plan lies in a bundle."""
    return bundle / target.folder / target.model / VERSION / PLAN_FILE


def recipe_of(bundle: Bundle, timing_cache: Path) -> Recipe:
    """Return what the bundle's plan is built from."""
    target, variant = target_of(bundle)
    return make_recipe(bundle.path_of(variant), target.layout, timing_cache)


def build_plan(  # noqa: PLR0913 -- each is one thing from outside
    bundle: Bundle,
    checkpoint: Checkpoint,
    options: PlanOptions,
    *,
    facts: Facts,
    maker: PlanMaker,
    clock: Clock,
    say: Callable[[str], None],
) -> tuple[PlanRecord, PlanFigures]:
    """Build, judge and write the plan into the bundle, which is replaced as a whole.

    Args:
        bundle: verified.
        checkpoint: the one that the bundle was exported from; it holds the held-out rows.
        options: the user's.
        facts: of this machine, checked.
        maker: TensorRT.
        clock: for the build's time.
        say: told at each step, for people.

    Raises:
        ExportError: the checkpoint is another model's.
        PlanRefusedError: the plan cannot be built, or fails the gate; the bundle stays as it was.
    """
    target, variant = target_of(bundle)
    sample = _held_out(bundle, checkpoint, options)
    recipe = recipe_of(bundle, options.timing_cache)
    say(f"building {len(recipe.profiles)} profiles with TensorRT {facts.tensorrt_version}")
    began_ns = clock.now_ns()
    plan = maker.build(recipe)
    seconds = (clock.now_ns() - began_ns) / NS_PER_S
    say(f"judging the plan on {len(sample):,} held-out pairs")
    pad_id = bundle.manifest.template.pad_id
    gate = PlanGate(sample, target.layout, variant.calibration, GateLimits(), pad_id, options.seed)
    figures = _judge(gate, OnnxSession(recipe.graph, threads=options.threads), maker, plan, recipe)
    record = PlanRecord(
        graph_sha256=variant.sha256,
        gpu=facts.gpu.name,
        compute_capability=facts.gpu.compute_capability,
        driver_version=facts.gpu.driver_version,
        tensorrt_version=facts.tensorrt_version,
        build_seconds=seconds,
        profiles=len(recipe.profiles),
        pairs=figures.pairs,
        max_abs_delta_probability=figures.max_delta,
        p99_abs_delta_probability=figures.p99_delta,
    )
    say("writing the bundle")
    _write(bundle, target, record, plan)
    return record, figures


def _held_out(bundle: Bundle, checkpoint: Checkpoint, options: PlanOptions) -> Sample:
    """Read the rows that a plan is judged on, in the bundle's own tokens."""
    manifest = bundle.manifest
    trimming = manifest.trimming
    # A trimmed bundle's weights are no checkpoint's: it names those that were trimmed.
    exported = trimming.checkpoint_weights_sha256 if trimming else manifest.weights_sha256
    if checkpoint.weights_sha256 != exported:
        raise ExportError(
            "the checkpoint's weights are not the bundle's; give the checkpoint that the bundle "
            "was exported from"
        )
    builder = row_builder(bundle.tokenizer_path, manifest.template)
    return read_sample(checkpoint, "test", most=options.pairs, seed=options.seed, builder=builder)


def _judge(
    gate: PlanGate, session: OnnxSession, maker: PlanMaker, plan: bytes, recipe: Recipe
) -> PlanFigures:
    def reference(tensors: Mapping[str, NDArray[np.generic]]) -> NDArray[np.generic]:
        return session.run(tensors)[LOGITS]

    opened = maker.open(plan, recipe)
    try:
        return gate.judge(reference, opened.run)
    finally:
        opened.close()


def _write(bundle: Bundle, target: TritonTarget, record: PlanRecord, plan: bytes) -> None:
    """Write the bundle anew beside the old one: links to what stays, the plan, the manifest."""
    with staged_directory(bundle.folder) as staged:
        shutil.copytree(bundle.folder, staged, copy_function=link_or_copy, dirs_exist_ok=True)
        path = plan_path(staged, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # a link to the older plan, which must stay as it is
        path.write_bytes(plan)
        manifest = _with_plan(bundle.manifest, target, record, staged)
        check_repositories(staged, manifest)
        write_manifest(staged, manifest)


def _with_plan(
    manifest: Manifest, target: TritonTarget, record: PlanRecord, staged: Path
) -> Manifest:
    files = folder_digests(staged, target.folder)
    renewed = target.model_copy(update={"plan": record, "files": files})
    return manifest.model_copy(update={"triton": {**manifest.triton, TENSORRT: renewed}})
