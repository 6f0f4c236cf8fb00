"""The command behind `make demo`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from ctr_demo.errors import DemoError
from ctr_demo.plan import DemoPlan
from ctr_service.clock import SystemClock

DEFAULT_OUT = Path("build/demo")
DEFAULT_SEED = 0
DEFAULT_SEARCHES = 500


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your click log, CSV or Parquet; without it a log is generated.",
)
@click.option("--group", help="Column whose rows stay in one split.  [default: query]")
@click.option(
    "--base-model",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the BERT to start from.  [default: all-MiniLM-L6-v2]",
)
@click.option("--seed", default=DEFAULT_SEED, show_default=True, help="Of split and training.")
@click.option(
    "--searches",
    default=DEFAULT_SEARCHES,
    show_default=True,
    type=click.IntRange(min=1),
    help="Held-out searches to score over gRPC.",
)
@click.option(
    "--out",
    default=DEFAULT_OUT,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything is written; `make clean` removes the default.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Fail, too, when a target of model quality on the generated log is missed.",
)
def main(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    data: Path | None,
    group: str | None,
    base_model: Path | None,
    seed: int,
    searches: int,
    out: Path,
    strict: bool,  # noqa: FBT001 -- click passes options by name
) -> None:
    """Take a click log all the way to searches scored over gRPC.

    Generates a log (or reads yours), fine-tunes real BERT weights on it, exports a bundle through
    the gate, starts the gateway as a process of its own, scores held-out searches and compares what
    was served with what was computed offline. Steps whose input and code did not change are reused.

    \b
    Examples:
      python -m ctr_demo
      python -m ctr_demo --data log.csv --group session_id
    """  # noqa: D301 -- click reads the character that this escape makes
    # Imported here so that --help does not wait for numpy, pandas and the client.
    from ctr_demo.run import run_demo  # noqa: PLC0415 -- see above

    plan = DemoPlan(out, data, group, base_model, seed, searches)
    try:
        broken = run_demo(plan, Console(), SystemClock(), strict=strict)
    except DemoError as error:
        raise click.ClickException(str(error)) from error
    if broken:
        raise click.ClickException(f"{len(broken)} check(s) broken: {'; '.join(broken)}")
