"""Calibration: logits -> probabilities. It belongs to the graph that made the logits."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

MIN_PROBABILITY = 1e-6
"""Probabilities stay this far from 0 and 1, so that their log loss is finite."""


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-x)) in float64, without overflow; same shape as `logits`."""
    x = np.asarray(logits, dtype=np.float64)
    return np.where(
        x >= 0, 1.0 / (1.0 + np.exp(-np.abs(x))), 1.0 - 1.0 / (1.0 + np.exp(-np.abs(x)))
    )


class PlattCalibration(BaseModel):
    """sigmoid(slope * logit + intercept), after Platt (1999); 1 and 0 are the identity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["platt"] = "platt"
    slope: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)
    intercept: float = Field(default=0.0, allow_inf_nan=False)

    def apply(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return probabilities, float64, of the logits' shape."""
        scaled = self.slope * np.asarray(logits, dtype=np.float64) + self.intercept
        return np.clip(sigmoid(scaled), MIN_PROBABILITY, 1 - MIN_PROBABILITY)


class IsotonicCalibration(BaseModel):
    """A rising piecewise-linear map given by its knots; constant beyond the outermost ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["isotonic"] = "isotonic"
    logits: tuple[float, ...] = Field(min_length=2)
    probabilities: tuple[float, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _knots(self) -> Self:
        x, p = np.asarray(self.logits), np.asarray(self.probabilities)
        if x.shape != p.shape or not np.isfinite(x).all() or (np.diff(x) <= 0).any():
            raise ValueError("isotonic knots: logits must be finite and rise strictly")
        if not ((np.diff(p) >= 0).all() and p[0] >= 0 and p[-1] <= 1):  # NaN too
            raise ValueError("isotonic knots: probabilities must not fall and lie in [0, 1]")
        return self

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The knots as numpy takes them; made for every list they cost more than the map."""
        return np.array(self.logits), np.array(self.probabilities)

    def apply(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return probabilities, float64, of the logits' shape."""
        p = np.interp(np.asarray(logits, dtype=np.float64), *self._arrays)
        # What np.clip does, in a third of its time for a list.
        return np.minimum(np.maximum(p, MIN_PROBABILITY), 1 - MIN_PROBABILITY)


Calibration: TypeAlias = Annotated[
    PlattCalibration | IsotonicCalibration, Field(discriminator="kind")
]
