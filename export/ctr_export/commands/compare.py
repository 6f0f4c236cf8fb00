"""`ctr-export compare`: several bundles in one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_service.cpus import available_cpus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_export.compare import Comparison

MOST_SESSIONS = 4
"""Each session loads every graph once, which costs memory."""


@click.command()
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--rows",
    "rows_from",
    type=click.Path(path_type=Path),
    help="Checkpoint whose held-out test rows every graph scores. Without it the AUCs are those "
    "that each trainer wrote down.",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=100),
    default=20_000,
    show_default=True,
    help="Most of those rows; whole lists.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=0),
    default=0,
    help="Cores to measure for; 0: those this process may use.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def compare(  # noqa: PLR0913 -- click passes every option as an argument
    *,
    bundles: tuple[Path, ...],
    rows_from: Path | None,
    pairs: int,
    threads: int,
    seed: int,
    as_json: bool,
) -> None:
    """Put BUNDLES side by side: layers, size, speed in one run, AUC and what it costs.

    The first bundle is what the others are compared with: a teacher, then its students. Each one's
    default graph and every precision that all of them hold are timed in turn on this machine, on
    the same batches, so that the ratios hold though the machine drifts.

    \b
    Examples:
      ctr-export compare build/demo/bundle build/student-bundle --rows build/demo/checkpoint
      ctr-export compare teacher three-layers two-layers --json
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    cores = min(threads or available_cpus(), MOST_SESSIONS)
    comparison = _compare(bundles, rows_from, pairs, cores, seed)
    from ctr_export.compare_report import (  # noqa: PLC0415 -- as in _compare
        comparison_json,
        comparison_notes,
        comparison_table,
    )
    from ctr_export.report import plain_console  # noqa: PLC0415 -- as in _compare

    if as_json:
        click.echo(json.dumps(comparison_json(comparison), indent=2, ensure_ascii=False))
        return
    console = plain_console()
    console.print(comparison_table(comparison))
    for note in comparison_notes(comparison):
        console.print(note, markup=False, soft_wrap=True)


def _compare(
    bundles: Sequence[Path], rows_from: Path | None, pairs: int, cores: int, seed: int
) -> Comparison:
    # `--help` must not wait for onnx and ONNX Runtime; hence the imports in the function.
    from ctr_export.compare import Comparer  # noqa: PLC0415 -- see above
    from ctr_export.entries import choose_entries  # noqa: PLC0415 -- see above
    from ctr_export.errors import ExportError  # noqa: PLC0415 -- see above
    from ctr_export.progress import steps  # noqa: PLC0415 -- see above
    from ctr_service.clock import SystemClock  # noqa: PLC0415 -- see above
    from ctr_service.errors import CtrError  # noqa: PLC0415 -- see above
    from ctr_train.errors import TrainError  # noqa: PLC0415 -- see above

    clock = SystemClock()
    try:
        with steps(clock) as say:
            comparer = Comparer(cores=cores, seed=seed, clock=clock, say=say)
            return comparer.compare(choose_entries(bundles), rows_from, pairs)
    except (ExportError, TrainError, CtrError, OSError) as error:
        raise click.ClickException(str(error)) from error
