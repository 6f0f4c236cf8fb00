"""Click options made from the fields of TrainConfig, so that help, defaults and limits agree."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ctr_train.config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Callable

FLAGS = {
    "base_model": "--base-model",
    "model_name": "--name",
    "target": "--target",
    "group": "--group",
    "seed": "--seed",
    "validation_share": "--validation-share",
    "test_share": "--test-share",
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "learning_rate": "--lr",
    "weight_decay": "--weight-decay",
    "warmup_share": "--warmup-share",
    "dropout": "--dropout",
    "freeze": "--freeze",
    "lora_rank": "--lora-rank",
    "class_weight": "--class-weight",
    "early_stopping": "--early-stopping",
    "evaluations_an_epoch": "--evaluations-an-epoch",
    "extend_vocabulary": "--extend-vocabulary",
    "position_model": "--position-model",
    "thin_positions": "--thin-positions",
    "warm_start": "--warm-start",
    "precision": "--precision",
    "threads": "--threads",
    "eval_rows": "--eval-rows",
}
METAVARS = {
    "validation_share": "auto|SHARE",
    "epochs": "auto|N",
    "freeze": "none|embeddings|layers:N",
    "base_model": "DIR",
}


def config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for every field of TrainConfig. One that is not given arrives as None."""
    for name, flag in reversed(FLAGS.items()):
        field = TrainConfig.model_fields[name]
        default = field.default
        shown = "" if default is None else f"  [default: {default}]"
        option = click.option(
            flag,
            name,
            type=_type_of(field.annotation),
            default=None,
            metavar=METAVARS.get(name),
            help=f"{field.description}{shown}",
        )
        command = option(command)
    return command


def _type_of(annotation: Any) -> click.ParamType[Any] | type:  # noqa: ANN401 -- a type in any spelling
    if typing.get_origin(annotation) is Literal:
        return click.Choice(typing.get_args(annotation))
    kinds = typing.get_args(annotation) or (annotation,)
    if Path in kinds:
        return click.Path(path_type=Path)
    simple = next((kind for kind in (int, float) if kind in kinds), str)
    # `epochs` is a number or a word: pydantic tells them apart.
    return str if len(kinds) > 1 else simple
