"""`ctr-train generate`: the demo's log, called GENERATED in all it prints and writes."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from ctr_train.generate.figures import bayes_figures
from ctr_train.generate.log_frame import (
    DEFAULT_SEARCHES,
    DEFAULT_SEED,
    LogParameters,
    generate_frame,
)
from ctr_train.generate.writer import about_path, write_log
from ctr_train.progress import Reporter

MAX_SEARCHES = 200_000


@click.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The CSV file to write; what it is goes to OUT.about.json beside it.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=DEFAULT_SEED,
    show_default=True,
    help="The same seed makes the same bytes.",
)
@click.option(
    "--searches",
    type=click.IntRange(min=3, max=MAX_SEARCHES),
    default=DEFAULT_SEARCHES,
    show_default=True,
    help="How many result lists are shown, of 16 to 100 products each.",
)
def generate(out: Path, seed: int, searches: int) -> None:
    """Generate a click log with a known truth, for demos and tests.

    Nothing in it is real: products, queries, users and clicks are drawn by a program. A click at
    position k has the chance examination[k] * attraction(query, user, product). The column
    `true_attraction` is that P(click | examined); training ignores it, and says so.

    \b
    Example:
      ctr-train generate --out build/log.csv
      ctr-train check build/log.csv
      ctr-train fit build/log.csv --out build/checkpoint
    """  # noqa: D301 -- click reads the character that this escape makes
    parameters = LogParameters(searches=searches)
    reporter = Reporter()
    with reporter.bar("generating searches", searches) as advance:
        frame = generate_frame(np.random.default_rng(seed), parameters, advance)
    try:
        write_log(out, frame, parameters, seed)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error
    figures = bayes_figures(frame)
    click.echo(
        f"{out}: GENERATED log, seed {seed}: {figures['impressions']:,.0f} impressions in "
        f"{figures['searches']:,.0f} searches of {figures['queries']:,.0f} distinct queries, "
        f"{figures['clicks']:,.0f} clicks. Best possible (Bayes) AUC: {figures['bayes_auc']:.4f}."
    )
    click.echo(f"{about_path(out)}: its parameters and exact figures")
