"""What `ctr-train distill` can be told: one model for flags, limits and the checkpoint's record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ctr_train.config import option_error
from ctr_train.layers import check_kept, spread_layers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Self

    from ctr_train.config import TrainConfig


class DistillConfig(BaseModel):
    """Every option of a distillation. Field descriptions are the help texts of the command line.

    What is not here (split, seed, template, features, position model) is the teacher's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    layers: Annotated[
        int | None,
        Field(
            ge=1,
            description="Layers that the student keeps, evenly spread over the teacher's: 0, 2 and "
            "4 for 3 of 6.",
        ),
    ] = None
    keep: Annotated[
        tuple[int, ...] | None,
        Field(description="The teacher's layers that stay, counted from 0, instead of --layers."),
    ] = None
    model_name: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
            description="Name of the student, as the gateway will serve it. Without it: the "
            "teacher's.",
        ),
    ] = None
    epochs: Annotated[
        int, Field(ge=1, le=1000, description="Passes over the teacher's training split.")
    ] = 2
    batch_size: Annotated[int, Field(ge=1, le=4096, description="Rows a step.")] = 32
    learning_rate: Annotated[
        float, Field(gt=0, le=1, description="Peak of AdamW's learning rate.")
    ] = 3e-4
    temperature: Annotated[
        float,
        Field(
            ge=0.1,
            le=100,
            description="Of the soft targets: above 1 the teacher's order among unlikely items "
            "counts more.",
        ),
    ] = 2.0
    click_share: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="Weight of the log's own clicks in the loss; the teacher has the rest.",
        ),
    ] = 0.1
    early_stopping: Annotated[
        int,
        Field(
            ge=0,
            description="Stop after so many evaluations without a better validation log loss; "
            "0: never. The best state is kept either way.",
        ),
    ] = 3
    precision: Annotated[
        Literal["auto", "bf16", "fp32"],
        Field(description="auto: bf16 where the processor computes it natively."),
    ] = "auto"
    threads: Annotated[
        int, Field(ge=0, le=1024, description="Threads of PyTorch; 0: one a usable core.")
    ] = 0

    @field_validator("keep", mode="before")
    @classmethod
    def _numbers(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return tuple(int(part) for part in value.split(",") if part.strip())
        except ValueError as error:
            raise ValueError("must be whole numbers with commas between, as 0,2,4") from error

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.layers is None and self.keep is None:
            raise ValueError("say how many layers the student keeps (--layers), or which (--keep)")
        if self.layers is not None and self.keep is not None and self.layers != len(self.keep):
            raise ValueError(
                f"layers is {self.layers} and keep names {len(self.keep)}: give one of the two"
            )
        return self

    def kept(self, total: int) -> tuple[int, ...]:
        """Return the layers that stay of a teacher of `total`, rising.

        Raises:
            TrainError: the teacher does not have them.
        """
        if self.keep is not None:
            return check_kept(self.keep, total)
        return spread_layers(total, self.layers or 0)

    def training(self, teacher: TrainConfig, folder: Path) -> TrainConfig:
        """Return the options that the trainer takes: the teacher's own, save what differs here.

        Nothing is dropped out: the soft targets carry no noise that a student could learn by heart,
        and equal inputs let the rows of a batch be shared out among cores.

        Args:
            teacher: the options that the teacher was trained with.
            folder: the teacher's, whose weights the student starts from.
        """
        own = ("epochs", "batch_size", "learning_rate", "early_stopping", "precision", "threads")
        return teacher.model_copy(
            update={
                **{name: getattr(self, name) for name in own},
                "base_model": folder,
                "model_name": self.model_name or teacher.model_name,
                "dropout": 0.0,
                "freeze": "none",
                "lora_rank": 0,
                "extend_vocabulary": "off",
                "thin_positions": "off",
                "warm_start": "off",
            }
        )


def make_distill_config(options: Mapping[str, object]) -> DistillConfig:
    """Check options; one that is None was not given.

    Raises:
        TrainError: an option is out of range, or two do not go together.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return DistillConfig.model_validate(given)
    except ValidationError as error:
        raise option_error(error) from error
