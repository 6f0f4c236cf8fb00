"""A checkpoint or a bundle as something that scores a click log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ctr_service.bundle.template import Renderer
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer
from ctr_service.errors import RequestInvalidError
from ctr_train.errors import TrainError
from ctr_train.rendering import render_log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.bundle.features import FeatureSchema
    from ctr_service.bundle.template import InputTemplate
    from ctr_service.types import Row
    from ctr_train.click_log import ClickLog

CACHE_BYTES = 256 << 20
EXAMINATION_PREFIX = "examination."


@dataclass(frozen=True, slots=True)
class Scores:
    """float64 [rows] each; `probability` is P(click | examined), calibrated as it serves."""

    logit: NDArray[np.float64]
    probability: NDArray[np.float64]


class ScoringModel(Protocol):
    """Scores rows of a log as they would be scored in production."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def figures(self) -> Mapping[str, float]:
        """The figures that training wrote, among them the split's."""
        ...

    def score(self, log: ClickLog, advance: Callable[[int], None]) -> Scores:
        """Score every row; `advance` is told the rows of each finished chunk.

        Raises:
            TrainError: the log does not fit the model.
        """
        ...


class LogTokeniser:
    """Rows of a log -> token ids, by the code that serves."""

    def __init__(
        self, tokenizer_path: Path, template: InputTemplate, schema: FeatureSchema
    ) -> None:
        self._renderer = Renderer(template, schema)
        tokenizer = load_tokenizer(tokenizer_path)
        self._builder = RowBuilder(tokenizer, template, TokenCache(CACHE_BYTES))

    def rows(self, log: ClickLog) -> list[Row]:
        """Return the token ids of every row.

        Raises:
            TrainError: a feature has another type than the model knows.
        """
        try:
            return self._builder.build(render_log(log, self._renderer)).rows
        except RequestInvalidError as error:
            raise TrainError(f"the log does not fit the model: {error}") from error


def examination_of(figures: Mapping[str, float]) -> tuple[float, ...] | None:
    """Return P(examined) by position from figures named `examination.1`, ...; None for none."""
    found = {
        int(name.removeprefix(EXAMINATION_PREFIX)): value
        for name, value in figures.items()
        if name.startswith(EXAMINATION_PREFIX)
    }
    return tuple(found[position] for position in sorted(found)) or None


def examination_figures(examination: tuple[float, ...]) -> dict[str, float]:
    """Name P(examined) by position as figures, up to where it stops changing."""
    changes = np.flatnonzero(np.diff(examination)) + 2
    last = int(changes[-1]) if len(changes) else 1
    return {f"{EXAMINATION_PREFIX}{at + 1}": share for at, share in enumerate(examination[:last])}
