"""`ctr-export tensorrt`: the TensorRT plan of a bundle, on the machine that has the GPU."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_service.cpus import available_cpus

if TYPE_CHECKING:
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.bundle.manifest import PlanRecord

TIMING_CACHE = Path(click.get_app_dir("ctr-export")) / "tensorrt-timing.cache"
"""Kept beside no bundle: a bundle does not change, and the next one reuses the timings."""


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="What the bundle was exported from: it holds the held-out rows that a plan is judged on.",
)
@click.option("--gpu", type=click.IntRange(min=0), default=0, show_default=True, help="Which GPU.")
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    default=2_000,
    show_default=True,
    help="Most held-out test pairs to judge the plan on.",
)
@click.option(
    "--timing-cache",
    type=click.Path(path_type=Path),
    default=TIMING_CACHE,
    show_default=True,
    help="Kernels' timings, kept between builds on one GPU and TensorRT.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be built; needs no GPU.")
@click.option("--check", is_flag=True, help="Only say whether the bundle's plan runs here.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan's record for machines.")
def tensorrt(  # noqa: PLR0913 -- click passes every option as an argument
    *,
    bundle: Path,
    checkpoint: Path | None,
    gpu: int,
    pairs: int,
    timing_cache: Path,
    dry_run: bool,
    check: bool,
    as_json: bool,
) -> None:
    """Build the TensorRT plan of BUNDLE for this machine's GPU, judge it, and write it in.

    A plan runs on the kind of GPU and the TensorRT version that built it, and on no other: build
    it where Triton will run, with the TensorRT of the Triton image. Driver, TensorRT and disk are
    checked first. The plan must agree with the float32 graph on held-out rows, or the bundle stays
    as it was.

    Exits with 1, and says what to do, where there is no GPU.

    \b
    Examples:
      ctr-export tensorrt build/demo/bundle --dry-run
      ctr-export tensorrt build/demo/bundle --checkpoint build/demo/checkpoint
      ctr-export tensorrt /bundles/current --check      # in an init container, before Triton
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_export.errors import ExportError  # noqa: PLC0415 -- `--help` must not wait for imports
    from ctr_service.bundle.bundle import load_bundle  # noqa: PLC0415 -- the same
    from ctr_service.errors import CtrError  # noqa: PLC0415 -- the same
    from ctr_train.errors import TrainError  # noqa: PLC0415 -- the same

    if dry_run + check + (checkpoint is not None) != 1:
        raise click.UsageError("give one of --checkpoint CHECKPOINT, --check and --dry-run")
    try:
        if dry_run:
            _print_recipe(load_bundle(bundle), timing_cache)
        elif check:
            _check(load_bundle(bundle), gpu)
        elif checkpoint is not None:
            record = _build(bundle, checkpoint, gpu, pairs, timing_cache)
            _print_record(record, as_json=as_json)
    except (ExportError, TrainError, CtrError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _print_recipe(bundle: Bundle, timing_cache: Path) -> None:
    from ctr_export.tensorrt.build import (  # noqa: PLC0415 -- as above
        plan_path,
        recipe_of,
        target_of,
    )
    from ctr_export.tensorrt.recipe import trtexec_command  # noqa: PLC0415 -- as above

    target, _ = target_of(bundle)
    recipe = recipe_of(bundle, timing_cache)
    plan = plan_path(bundle.folder, target)
    click.echo(f"plan: {plan}")
    click.echo(
        f"precision: FP16; {len(recipe.exact_layers)} LayerNorm layers in FP32; at most "
        f"{recipe.workspace_bytes >> 20:,} MiB of workspace"
    )
    click.echo("profile  rows x tokens: least, best, most")
    for index, profile in enumerate(recipe.profiles):
        bounds = (
            f"{rows}x{tokens}" for rows, tokens in (profile.least, profile.best, profile.most)
        )
        click.echo(f"{index:>7}  {', '.join(bounds)}")
    click.echo(f"CUDA graphs: {len(target.shapes)} exact shapes, captured by Triton")
    click.echo("the same by trtexec, unjudged and unrecorded:")
    click.echo(" \\\n  ".join(shlex.quote(word) for word in trtexec_command(recipe, plan)))


def _check(bundle: Bundle, gpu: int) -> None:
    from ctr_export.errors import PlanRefusedError  # noqa: PLC0415 -- as above
    from ctr_export.tensorrt.build import target_of  # noqa: PLC0415 -- as above
    from ctr_export.tensorrt.fits import check_plan_fits  # noqa: PLC0415 -- as above
    from ctr_export.tensorrt.machine import LocalMachine, check_gpu  # noqa: PLC0415 -- as above

    target, variant = target_of(bundle)
    if target.plan is None:
        raise PlanRefusedError(
            "the bundle holds no plan yet; build it here: "
            "ctr-export tensorrt BUNDLE --checkpoint CHECKPOINT"
        )
    facts = check_gpu(LocalMachine(), gpu)
    check_plan_fits(target.plan, facts, variant.sha256)
    click.echo(f"the plan runs here: {facts.gpu.name}, TensorRT {facts.tensorrt_version}")


def _build(folder: Path, checkpoint: Path, gpu: int, pairs: int, timing_cache: Path) -> PlanRecord:
    from ctr_export.tensorrt.machine import (  # noqa: PLC0415 -- as above
        LocalMachine,
        check_build,
        check_gpu,
    )

    machine = LocalMachine()
    facts = check_gpu(machine, gpu)  # before anything slow is imported or read

    from ctr_export.progress import steps  # noqa: PLC0415 -- as above
    from ctr_export.tensorrt.build import PlanOptions, build_plan, target_of  # noqa: PLC0415 -- as above
    from ctr_service.bundle.bundle import load_bundle  # noqa: PLC0415 -- as above
    from ctr_service.clock import SystemClock  # noqa: PLC0415 -- as above
    from ctr_train.checkpoint import load_checkpoint  # noqa: PLC0415 -- as above

    bundle = load_bundle(folder)
    _, variant = target_of(bundle)
    check_build(machine, bundle.folder, variant.size_bytes)

    from ctr_export.tensorrt.engine import TensorRtMaker  # noqa: PLC0415 -- needs TensorRT

    options = PlanOptions(timing_cache=timing_cache, pairs=pairs, threads=available_cpus())
    clock = SystemClock()
    with steps(clock) as say:
        record, _ = build_plan(
            bundle,
            load_checkpoint(checkpoint),
            options,
            facts=facts,
            maker=TensorRtMaker(gpu, facts.gpu),
            clock=clock,
            say=say,
        )
    return record


def _print_record(record: PlanRecord, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(record.model_dump(mode="json"), indent=2))
        return
    click.echo(
        f"{record.profiles} profiles in {record.build_seconds:,.0f} s for {record.gpu}, "
        f"TensorRT {record.tensorrt_version}, driver {record.driver_version}"
    )
    click.echo(
        f"against the float32 graph on {record.pairs:,} pairs: largest change of a probability "
        f"{record.max_abs_delta_probability:.2g}, 99th percentile "
        f"{record.p99_abs_delta_probability:.2g}"
    )
