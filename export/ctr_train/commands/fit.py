"""`ctr-train fit`: a click log becomes a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_train.commands.options import config_options
from ctr_train.commands.table import figure_table
from ctr_train.config import make_config
from ctr_train.errors import TrainError

if TYPE_CHECKING:
    from ctr_train.writing import Results


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the checkpoint; it appears whole when the fit is over.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file with any option below by its long name (learning_rate = 3e-5); flags win.",
)
@click.option(
    "--resume", is_flag=True, help="Go on where the same fit was stopped, if a state of it is left."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@config_options
def fit(
    log: Path,
    out: Path,
    config_file: Path | None,
    resume: bool,  # noqa: FBT001 -- click passes a flag as an argument
    as_json: bool,  # noqa: FBT001 -- click passes a flag as an argument
    **options: object,
) -> None:
    """Fine-tune a BERT-type model on a click log and write a checkpoint.

    LOG is a CSV or Parquet file as `ctr-train check --help` describes. Rows are split by group, so
    that no query is in two splits. The state with the lowest validation log loss is kept. With a
    `position` column the probability is that of a click on an item that was looked at.

    \b
    Examples:
      ctr-train fit clicks.csv --out build/checkpoint
      ctr-train fit clicks.parquet --out build/checkpoint --group search_id --epochs 1 \\
        --base-model models/bert-base-multilingual --freeze embeddings
      ctr-train fit clicks.csv --out build/checkpoint --config fit.toml --resume
    """  # noqa: D301 -- click reads the character that this escape makes
    try:
        config = make_config(options, config_file)
        from ctr_service.clock import SystemClock  # noqa: PLC0415 -- after the options were checked
        from ctr_train.fit import Fitter  # noqa: PLC0415 -- imports PyTorch, which takes seconds
        from ctr_train.progress import Reporter  # noqa: PLC0415 -- the same
        from ctr_train.runtime import settle_libraries  # noqa: PLC0415 -- the same

        settle_libraries(config.threads)
        fitter = Fitter(Reporter(), SystemClock())
        results = fitter.fit(log, out, config, resume=resume)
    except (TrainError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(_json(out, results) if as_json else _text(out, results))


def _json(out: Path, results: Results) -> str:
    content = {
        "checkpoint": str(out),
        **{name: part.figures for name, part in results.assessments.items()},
        "examination": results.examination,
        "notes": [note for part in results.assessments.values() for note in part.notes],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _text(out: Path, results: Results) -> str:
    splits = results.assessments
    lines = figure_table({name: part.figures for name, part in splits.items()})
    if results.examination is not None:
        shares = ", ".join(f"{share:.2f}" for share in results.examination[:10])
        lines += ["", f"P(examined) by position, learnt: {shares} ..."]
    lines += ["", *(note for part in splits.values() for note in part.notes)]
    return "\n".join([*lines, "", f"checkpoint: {out}"])
