"""`ctr-export build`: a checkpoint becomes a bundle."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_export.catalogue import CATALOGUE
from ctr_export.gate import GateLimits
from ctr_export.options import BuildOptions
from ctr_export.trim.options import AUC_DROP, LEAST_COUNT, TrimOptions
from ctr_service.cpus import available_cpus

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_export.build import Built

LIMITS = {
    "fp32_max_delta": "Most that a float32 graph's probability may differ from PyTorch's.",
    "p99_delta_16bit": "The same, 99th percentile, of a 16-bit graph.",
    "p99_delta_8bit": "The same, 99th percentile, of an 8-bit graph.",
    "auc_drop": "Most that a reduced-precision graph's AUC may fall below PyTorch's.",
    "ece_rise": "Most that its calibration error may exceed float32's, each calibrated.",
    "rank_correlation": "Least mean rank correlation with PyTorch within lists.",
    "fp32_invariance_max": "Most that a float32 graph's probability may move with batch-mates.",
    "invariance_max": "The same of a reduced-precision graph.",
    "invariance_p99": "The same, 99th percentile.",
}
"""Field of `GateLimits` -> help. Each is an option; a test holds the two together."""


def limit_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each of the gate's limits."""
    for field in reversed(fields(GateLimits)):
        command = click.option(
            f"--{field.name.replace('_', '-')}",
            type=click.FloatRange(min=0),
            default=field.default,
            show_default=True,
            help=f"Gate: {LIMITS[field.name]}",
        )(command)
    return command


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder of the new bundle."
)
@click.option("--name", help="Model name.  [default: the checkpoint's]")
@click.option("--version", help="Model version.  [default: w and a digest of the model]")
@click.option(
    "--candidates",
    default=",".join(CATALOGUE),
    show_default=True,
    help="Graphs to try, with commas; fp32 is always tried.",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    default=BuildOptions().pairs,
    show_default=True,
    help="Most held-out test pairs to judge a graph on.",
)
@click.option(
    "--calibration-pairs",
    type=click.IntRange(min=1),
    default=BuildOptions().calibration_pairs,
    show_default=True,
    help="Most validation pairs to fit a calibration on.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Cores to measure for; 0 for all that this process may use.",
)
@click.option(
    "--gpu-batch-tokens",
    type=click.IntRange(min=1),
    default=BuildOptions().gpu_batch_tokens,
    show_default=True,
    help="Most padded tokens of a batch of Triton's GPU targets.",
)
@click.option(
    "--trim-vocabulary",
    "trim_log",
    type=click.Path(path_type=Path),
    metavar="LOG",
    help="Keep only the word pieces that the training rows of LOG use, the log of the fit.",
)
@click.option(
    "--trim-least-count",
    type=click.IntRange(min=1),
    help="With --trim-vocabulary: uses that keep a word piece; single characters always stay.  "
    f"[default: {LEAST_COUNT}]",
)
@click.option(
    "--trim-auc-drop",
    type=click.FloatRange(min=0),
    help="With --trim-vocabulary: most that it may lower the AUC of the held-out pairs.  "
    f"[default: {AUC_DROP}]",
)
@click.option("--judge-slow", is_flag=True, help="Judge graphs no faster than fp32 as well.")
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON for machines.")
def build(  # noqa: PLR0913 -- click passes every option as an argument
    *,
    checkpoint: Path,
    out: Path,
    name: str | None,
    version: str | None,
    candidates: str,
    pairs: int,
    calibration_pairs: int,
    threads: int,
    gpu_batch_tokens: int,
    trim_log: Path | None,
    trim_least_count: int | None,
    trim_auc_drop: float | None,
    judge_slow: bool,
    as_json: bool,
    **limits: float,
) -> None:
    """Turn the CHECKPOINT of `ctr-train fit` into a bundle that `ctr-service` serves.

    The model is exported to an ONNX graph, and faster variants of it are made. Each is timed on
    this machine at the real length mix, through the sessions that serve, and judged against
    PyTorch on held-out rows. The fastest one that passes the gate becomes the default; those that
    fail are named with what failed, and not written. `triton/` holds a model repository for each
    kind of Triton.

    With --trim-vocabulary the word embedding and the tokenizer hold only the pieces that the log
    uses; a word whose piece went is spelt with shorter ones. The report says what that changed.

    Exits with 1, and writes nothing, when the plain float32 graph fails.

    \b
    Examples:
      ctr-export build build/demo/checkpoint --out build/demo/bundle
      ctr-export build checkpoint --out bundle --candidates fp32 --json
      ctr-export build checkpoint --out bundle --trim-vocabulary clicks.csv --trim-least-count 5
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    options = BuildOptions(
        candidates=tuple(part.strip() for part in candidates.split(",") if part.strip()),
        pairs=pairs,
        calibration_pairs=calibration_pairs,
        limits=GateLimits(**limits),
        judge_slow=judge_slow,
        cores=threads or available_cpus(),
        gpu_batch_tokens=gpu_batch_tokens,
        name=name,
        version=version,
        trim=_trim_options(trim_log, trim_least_count, trim_auc_drop),
    )
    built = _build(checkpoint, out, options)
    if as_json:
        manifest = built.manifest.model_dump(mode="json")
        click.echo(json.dumps(manifest, indent=2, ensure_ascii=False))
    else:
        _print(built, out)


def _trim_options(
    log: Path | None, least_count: int | None, auc_drop: float | None
) -> TrimOptions | None:
    if log is None:
        given = {"--trim-least-count": least_count, "--trim-auc-drop": auc_drop}
        for option, value in given.items():
            if value is not None:
                raise click.UsageError(f"{option} needs --trim-vocabulary LOG")
        return None
    return TrimOptions(
        log,
        LEAST_COUNT if least_count is None else least_count,
        AUC_DROP if auc_drop is None else auc_drop,
    )


def _build(checkpoint: Path, out: Path, options: BuildOptions) -> Built:
    # The environment of torch and Transformers must stand before their import, and `--help` must
    # not wait for them; hence the imports in the function.
    from ctr_train.runtime import set_environment, settle_libraries  # noqa: PLC0415 -- see above

    set_environment()
    from ctr_export.build import build_bundle  # noqa: PLC0415 -- see above
    from ctr_export.errors import ExportError  # noqa: PLC0415 -- see above
    from ctr_export.progress import steps  # noqa: PLC0415 -- see above
    from ctr_export.trim.build import build_trimmed  # noqa: PLC0415 -- see above
    from ctr_service.clock import SystemClock  # noqa: PLC0415 -- see above
    from ctr_service.errors import CtrError  # noqa: PLC0415 -- see above
    from ctr_train.errors import TrainError  # noqa: PLC0415 -- see above

    settle_libraries(options.cores)
    clock = SystemClock()
    try:
        with steps(clock) as say:
            build = build_trimmed if options.trim else build_bundle
            return build(checkpoint, out, options, clock=clock, say=say)
    except (ExportError, TrainError, CtrError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _print(built: Built, out: Path) -> None:
    from ctr_export.report import (  # noqa: PLC0415 -- as in _build
        facts_table,
        figures_tables,
        layouts_table,
        plain_console,
        remarks,
    )
    from ctr_export.trim.report import trimming_table  # noqa: PLC0415 -- as in _build

    console = plain_console()
    for table in figures_tables(built.manifest):
        console.print(table)
    for line in remarks(built.manifest):
        console.print(line, markup=False, soft_wrap=True)
    console.print(layouts_table(built.layouts, built.manifest.layout))
    if built.manifest.trimming is not None:
        console.print(trimming_table(built.manifest.trimming, built.manifest, out))
    console.print(facts_table(built.manifest, str(out)))
    for verdict in built.verdicts:
        if verdict.calibration:
            reason = verdict.calibration.reason
            console.print(f"calibration of {verdict.candidate.name}: {reason}", markup=False)
