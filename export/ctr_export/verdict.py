"""What became of one candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.catalogue import ONNX_RUNTIME, PLAIN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctr_export.calibrate import FittedCalibration
    from ctr_export.catalogue import Candidate
    from ctr_export.measure import Speed
    from ctr_export.trials import Trial
    from ctr_service.bundle.manifest import ParityFigures

FLOAT_BITS = 32
LEAST_TIE = 0.1
"""Speeds closer than this count as equal, even when the rounds happened to agree better: short
rounds on a shared machine repeat no better, and precision is worth more than a few percent."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One candidate, judged.

    Attributes:
        candidate: which.
        path: its graph.
        speed: None where it could not be run.
        figures: None where it was not judged: too slow to become the default, or not runnable.
        calibration: its own; None where a check failed before.
        failures: a sentence for each check that failed; empty when it may be served.
        skips_padding: whether the graph does.
    """

    candidate: Candidate
    path: Path
    speed: Speed | None
    figures: ParityFigures | None = None
    calibration: FittedCalibration | None = None
    failures: tuple[str, ...] = ()
    skips_padding: bool = False

    @property
    def passed(self) -> bool:
        """Whether it may be served."""
        return not self.failures

    @property
    def pairs_per_second(self) -> float:
        """Measured speed; 0 where it could not be run."""
        return self.speed.pairs_per_second if self.speed else 0.0


def is_faster(speed: Speed, than: Speed) -> bool:
    """Say whether a speed exceeds another by more than noise."""
    tie = max(LEAST_TIE, speed.noise, than.noise)
    return speed.pairs_per_second > than.pairs_per_second * (1 + tie)


def too_slow(trial: Trial, plain: Speed) -> str:
    """Say that a candidate cannot become the default whatever its figures; empty if it can.

    Precision is given up for more than noise only; a graph as precise as the plain one need not be
    faster by more than that.
    """
    speed = trial.speed
    if speed is None:
        return ""
    ours, theirs = speed.pairs_per_second, plain.pairs_per_second
    as_precise = trial.candidate.bits == FLOAT_BITS
    if is_faster(speed, plain) or (as_precise and ours > theirs):
        return ""
    beyond = "" if as_precise else " beyond noise"
    return (
        f"not faster than {PLAIN}{beyond}, so not judged: {ours:.0f} against {theirs:.0f} pairs/s"
    )


def choose_default(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the fastest candidate that passed.

    Of equally fast ones the most precise, then one of ONNX Runtime, which needs no other install.

    Args:
        verdicts: at least one passed and has a speed.
    """
    passed = [verdict for verdict in verdicts if verdict.passed and verdict.speed]
    fastest = max(passed, key=lambda verdict: verdict.pairs_per_second)
    tied = [
        v for v in passed if not (fastest.speed and v.speed and is_faster(fastest.speed, v.speed))
    ]
    return min(
        tied,
        key=lambda v: (
            -v.candidate.bits,
            v.candidate.engine != ONNX_RUNTIME,
            -v.pairs_per_second,
        ),
    )
