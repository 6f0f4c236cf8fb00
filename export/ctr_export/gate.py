"""The gate: which candidate may be served. Pure: figures in, sentences out.

A check that cannot be judged (one class only, too few rows) is never passed by a reduced-precision
graph: what is not known to be right is not served.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from ctr_service.bundle.manifest import ParityFigures

Bits: TypeAlias = Literal[8, 16, 32]
FULL_BITS = 32


@dataclass(frozen=True, slots=True)
class GateLimits:
    """The limits, each an option of `ctr-export build`.

    Attributes:
        fp32_max_delta: most that any probability of a float32 graph may differ from PyTorch's.
        p99_delta_16bit, p99_delta_8bit: the same, 99th percentile, of reduced precision.
        auc_drop: most that AUC may fall below PyTorch's on the same rows.
        ece_rise: most that the calibration error, after the graph's own calibration, may exceed
            the float32 graph's.
        rank_correlation: least mean Spearman correlation with PyTorch within lists.
        fp32_invariance_max: most that a probability of a float32 graph may move with batch-mates
            and padding.
        invariance_max, invariance_p99: the same of reduced precision.
    """

    fp32_max_delta: float = 1e-4
    p99_delta_16bit: float = 0.02
    p99_delta_8bit: float = 0.08
    auc_drop: float = 0.002
    ece_rise: float = 0.005
    rank_correlation: float = 0.8
    fp32_invariance_max: float = 1e-4
    invariance_max: float = 0.02
    invariance_p99: float = 0.002


@dataclass(frozen=True, slots=True)
class Check:
    """One figure against its limit.

    Attributes:
        name: the figure, for people.
        value: None when it could not be judged.
        limit: the most, or the least, that passes.
        at_least: the limit is a least one.
        unjudged: why `value` is None.
    """

    name: str
    value: float | None
    limit: float
    at_least: bool = False
    unjudged: str = ""

    @property
    def passed(self) -> bool:
        """Whether the figure is known and within its limit."""
        if self.value is None:
            return False
        # Written so that NaN never passes.
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def sentence(self) -> str:
        """Say what failed and by how much, or why it could not be judged."""
        if self.value is None:
            return f"{self.name} could not be judged: {self.unjudged}"
        word = "falls below" if self.at_least else "exceeds"
        by = abs(self.value - self.limit)
        return f"{self.name} {self.value:.3g} {word} the limit {self.limit:g} by {by:.3g}"


def checks_before_calibration(
    figures: ParityFigures, bits: Bits, limits: GateLimits
) -> tuple[Check, ...]:
    """Return the checks that need no calibration of the candidate's own."""
    if bits == FULL_BITS:
        return (
            Check(
                "largest change of a probability against PyTorch",
                figures.max_abs_delta_probability,
                limits.fp32_max_delta,
            ),
            Check(
                "largest change of a probability with batch-mates and padding",
                figures.invariance_max,
                limits.fp32_invariance_max,
            ),
        )
    drop = None if figures.auc_delta is None else -figures.auc_delta
    p99_limit = limits.p99_delta_16bit if bits == 16 else limits.p99_delta_8bit  # noqa: PLR2004 -- the number of bits
    return (
        Check(
            "99th percentile of the change of probabilities against PyTorch",
            figures.p99_abs_delta_probability,
            p99_limit,
        ),
        Check(
            "99th percentile of the change with batch-mates and padding",
            figures.invariance_p99,
            limits.invariance_p99,
        ),
        Check(
            "largest change of a probability with batch-mates and padding",
            figures.invariance_max,
            limits.invariance_max,
        ),
        Check(
            "drop of AUC against PyTorch",
            drop,
            limits.auc_drop,
            unjudged="the held-out rows show one class only",
        ),
        Check(
            "rank correlation with PyTorch within lists",
            figures.rank_correlation,
            limits.rank_correlation,
            at_least=True,
            unjudged="no held-out list has two different logits",
        ),
    )


def checks_after_calibration(
    figures: ParityFigures, bits: Bits, limits: GateLimits
) -> tuple[Check, ...]:
    """Return the checks of the calibrated candidate."""
    if bits == FULL_BITS:
        return ()
    return (
        Check(
            "rise of the calibration error over the float32 graph's",
            figures.ece_delta,
            limits.ece_rise,
            unjudged=f"{figures.pairs} held-out rows are too few",
        ),
    )


def unjudged(figures: ParityFigures) -> tuple[str, ...]:
    """Return a sentence for each figure that the held-out rows could not give."""
    limits = GateLimits()
    checks = checks_before_calibration(figures, 8, limits)
    checks += checks_after_calibration(figures, 8, limits)
    return tuple(check.sentence() for check in checks if check.value is None)


def failures(checks: tuple[Check, ...]) -> tuple[str, ...]:
    """Return a sentence for each check that did not pass."""
    return tuple(check.sentence() for check in checks if not check.passed)
