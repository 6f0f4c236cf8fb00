"""`ctr-train evaluate`: judge a checkpoint or a bundle on a click log, and compare two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_train.commands.table import figure_table
from ctr_train.errors import TrainError

if TYPE_CHECKING:
    from ctr_train.evaluate import Evaluation
    from ctr_train.scoring import ScoringModel

FOLDER = click.Path(file_okay=False, path_type=Path)
CHECKPOINT_MARK = "ctr_checkpoint.json"


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option("--checkpoint", type=FOLDER, help="Score with this checkpoint.")
@click.option("--bundle", type=FOLDER, help="Score with this bundle's default graph.")
@click.option("--against", type=FOLDER, help="Compare with this checkpoint or bundle.")
@click.option(
    "--split",
    "part",
    type=click.Choice(["test", "validation", "train", "all"]),
    default="test",
    show_default=True,
    help="Rows to score; the split is the one that the first model was trained with.",
)
@click.option("--group", default=None, help="Group column.  [default: the checkpoint's, or query]")
@click.option("--seed", type=int, default=None, help="Seed of the split.  [default: the model's]")
@click.option(
    "--eval-rows", type=click.IntRange(min=1), default=20_000, show_default=True, help="At most."
)
@click.option(
    "--scores-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write row numbers, logits and probabilities to this Parquet file.",
)
@click.option("--threads", type=click.IntRange(min=0), default=0, help="0: one a usable core.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    log: Path,
    checkpoint: Path | None,
    bundle: Path | None,
    against: Path | None,
    part: str,
    group: str | None,
    seed: int | None,
    eval_rows: int,
    scores_out: Path | None,
    threads: int,
    as_json: bool,  # noqa: FBT001 -- click passes a flag as an argument
) -> None:
    """Score a click log with a checkpoint or a bundle, and compare two.

    AUC judges the score that serves, P(click | examined). Log loss and calibration judge
    P(click) at each row's own position, where the model learnt what positions do. Differences
    come with a 95 % bootstrap interval over groups.

    \b
    Examples:
      ctr-train evaluate clicks.csv --checkpoint build/checkpoint
      ctr-train evaluate clicks.csv --bundle build/bundle --against build/checkpoint
      ctr-train evaluate next-week.csv --split all --bundle new --against old --json
    """  # noqa: D301 -- click reads the character that this escape makes
    if (checkpoint is None) == (bundle is None):
        raise click.UsageError("give one of --checkpoint and --bundle")
    folders = [folder for folder in (checkpoint, bundle, against) if folder is not None]
    try:
        from ctr_train.evaluate import SplitSpec, evaluate_models, write_scores  # noqa: PLC0415 -- seconds
        from ctr_train.log import read_log  # noqa: PLC0415 -- seconds
        from ctr_train.progress import Reporter  # noqa: PLC0415 -- seconds

        models = [_load(folder, threads) for folder in folders]
        clicks = read_log(log, group_column=group or _trained_group(folders))
        spec = SplitSpec.of_training(part, models[0].figures, seed=seed, most=eval_rows)
        evaluation = evaluate_models(clicks, models, spec, Reporter())
        if scores_out is not None:
            write_scores(scores_out, clicks, evaluation)
    except (TrainError, OSError) as error:
        raise click.ClickException(str(error)) from error
    names = [model.name for model in models]
    click.echo(_json(names, evaluation) if as_json else _text(names, evaluation))


def _load(folder: Path, threads: int) -> ScoringModel:
    if (folder / CHECKPOINT_MARK).is_file():
        from ctr_train.checkpoint_scorer import CheckpointModel  # noqa: PLC0415 -- imports PyTorch
        from ctr_train.runtime import settle_libraries  # noqa: PLC0415 -- the same

        settle_libraries(threads)
        return CheckpointModel(folder)
    from ctr_train.bundle_scorer import BundleModel  # noqa: PLC0415 -- imports ONNX Runtime
    from ctr_train.precision import usable_cores  # noqa: PLC0415 -- the same

    return BundleModel(folder, threads=threads or usable_cores())


def _trained_group(folders: list[Path]) -> str:
    """Return the group column of the first checkpoint; a bundle does not know its own."""
    for folder in folders:
        try:
            content = json.loads((folder / "train_config.json").read_text(encoding="utf-8"))
            return str(content["config"]["group"])
        except (OSError, ValueError, KeyError):
            continue
    return "query"


def _json(names: list[str], evaluation: Evaluation) -> str:
    content = {
        "models": [
            {"name": name, "figures": part.figures}
            for name, part in zip(names, evaluation.assessments, strict=True)
        ],
        "differences": {
            name: {"value": gap.value, "low": gap.low, "high": gap.high}
            for name, gap in evaluation.differences.items()
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _text(names: list[str], evaluation: Evaluation) -> str:
    short = ["model", "against"][: len(names)]
    figures = {name: part.figures for name, part in zip(short, evaluation.assessments, strict=True)}
    lines = [f"{mark}: {name}" for mark, name in zip(short, names, strict=True)]
    lines += ["", *figure_table(figures)]
    if evaluation.differences:
        lines += ["", "model less against"]
        lines += [f"  {name}: {gap}" for name, gap in evaluation.differences.items()]
    return "\n".join(lines)
