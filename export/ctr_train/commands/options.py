"""Click options made from the fields of a config, so that help, defaults and limits agree."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ctr_train.config import TrainConfig
from ctr_train.distill_config import DistillConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

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


DISTILL_FLAGS = {
    "layers": "--layers",
    "keep": "--keep",
    "model_name": "--name",
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "learning_rate": "--lr",
    "temperature": "--temperature",
    "click_share": "--click-share",
    "early_stopping": "--early-stopping",
    "precision": "--precision",
    "threads": "--threads",
}
DISTILL_METAVARS = {"layers": "K", "keep": "I,J,..."}


def config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for every field of TrainConfig. One that is not given arrives as None."""
    return _add_options(command, TrainConfig, FLAGS, METAVARS)


def distill_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for every field of DistillConfig. One that is not given arrives as None."""
    return _add_options(command, DistillConfig, DISTILL_FLAGS, DISTILL_METAVARS)


def _add_options(
    command: Callable[..., None],
    config: type[BaseModel],
    flags: Mapping[str, str],
    metavars: Mapping[str, str],
) -> Callable[..., None]:
    for name, flag in reversed(list(flags.items())):
        field = config.model_fields[name]
        default = field.default
        shown = "" if default is None else f"  [default: {default}]"
        option = click.option(
            flag,
            name,
            type=_type_of(field.annotation),
            default=None,
            metavar=metavars.get(name),
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
