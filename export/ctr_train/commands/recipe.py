"""`ctr-train recipe`: public data sets as click logs."""

from __future__ import annotations

from pathlib import Path

import click

from ctr_service.bundle.files import write_text_aside
from ctr_train.errors import TrainError
from ctr_train.recipes.obp import convert_obp


@click.group()
def recipe() -> None:
    """Turn a public data set into a click log."""


@recipe.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="WHEEL_OR_FOLDER")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The CSV file to write.",
)
def obp(source: Path, out: Path) -> None:
    """Convert the random-policy logs in the wheel of `obp` 0.4.1 (Open Bandit Dataset).

    They are 30,000 real impressions with about 130 clicks: enough to check format and calibration,
    too few to rank models by AUC (docs/recipes/obp.md).

    \b
    Example:
      pip download --no-deps obp==0.4.1
      ctr-train recipe obp obp-0.4.1-py3-none-any.whl --out build/obp.csv
      ctr-train check build/obp.csv --group group
    """  # noqa: D301 -- click reads the character that this escape makes
    try:
        converted = convert_obp(source)
        write_text_aside(out, converted.text)
    except (TrainError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"{out}: {converted.rows:,} impressions, {converted.clicks:,} clicks, "
        f"{converted.groups:,} groups (column 'group')"
    )
