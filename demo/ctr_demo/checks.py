"""What the demo promises, checked on its own figures every time it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BAYES_AUC_RANGE = (0.70, 0.85)
BASELINE_MAX_LIFT_SHARE = 0.80
MODEL_MIN_LIFT_SHARE = 0.90
MAX_ECE_TO_TRUTH = 0.02
MAX_NORMALISED_ENTROPY = 0.95
AUC_DECIMALS = 3
MIN_ENGINE_SPEEDUP = 1.6
"""Of the default graph by ONNX Runtime's float32, timed in one run, where the CPU has what 8-bit or
bfloat16 graphs need."""
MAX_MOVED = 0.02


@dataclass(frozen=True, slots=True)
class Check:
    """One promise: what was measured, what was promised, and whether it holds."""

    name: str
    measured: str
    promised: str
    holds: bool


def lift_share(auc: float, best: float) -> float:
    """Return the share of the best possible lift over 0.5 that an AUC reaches."""
    return (auc - 0.5) / (best - 0.5)


def check_serving(figures: Mapping[str, float]) -> list[Check]:
    """Check that serving changed nothing and served everything; holds for any log."""
    offline, served = figures["auc_offline"], figures["auc_served"]
    return [
        Check(
            "served AUC equals the offline one",
            f"{served:.6f} / {offline:.6f}",
            f"equal to {AUC_DECIMALS} decimals",
            abs(served - offline) < 0.5 * 10**-AUC_DECIMALS,
        ),
        Check(
            "every candidate was scored",
            f"{figures['scored']:.0f} of {figures['pairs']:.0f}",
            "all",
            figures["scored"] == figures["pairs"],
        ),
    ]


def check_generated(figures: Mapping[str, float]) -> list[Check]:
    """Check what only a log with a known truth can show."""
    bayes = figures["auc_bayes"]
    low, high = BAYES_AUC_RANGE
    baseline = lift_share(figures["auc_baseline"], bayes)
    model = lift_share(figures["auc_served"], bayes)
    ece, entropy = figures["ece_to_truth"], figures["normalised_entropy"]
    return [
        Check(
            "Bayes AUC of the held-out clicks",
            f"{bayes:.4f}",
            f"{low} to {high}",
            low <= bayes <= high,
        ),
        Check(
            "word overlap does not solve it (share of the Bayes lift)",
            f"{baseline:.3f}",
            f"<= {BASELINE_MAX_LIFT_SHARE}",
            baseline <= BASELINE_MAX_LIFT_SHARE,
        ),
        Check(
            "served AUC (share of the Bayes lift)",
            f"{model:.3f}",
            f">= {MODEL_MIN_LIFT_SHARE}",
            model >= MODEL_MIN_LIFT_SHARE,
        ),
        Check(
            "calibration error against the true attraction",
            f"{ece:.4f}",
            f"<= {MAX_ECE_TO_TRUTH}",
            ece <= MAX_ECE_TO_TRUTH,
        ),
        Check(
            "normalised entropy",
            f"{entropy:.4f}",
            f"< {MAX_NORMALISED_ENTROPY}",
            entropy < MAX_NORMALISED_ENTROPY,
        ),
    ]


def check_engine(figures: Mapping[str, float]) -> list[Check]:
    """Check what the exporter measured of the default graph; nothing on a CPU for float32 alone."""
    if "engine_speedup" not in figures:
        return []
    speedup, moved = figures["engine_speedup"], figures["engine_moved_max"]
    return [
        Check(
            "default graph against ONNX Runtime's float32, pairs/s",
            f"{speedup:.2f} x",
            f">= {MIN_ENGINE_SPEEDUP} x",
            speedup >= MIN_ENGINE_SPEEDUP,
        ),
        Check(
            "largest move of a probability with other batch-mates",
            f"{moved:.2g}",
            f"<= {MAX_MOVED}",
            moved <= MAX_MOVED,
        ),
    ]


def broken_names(checks: Sequence[Check], targets: Sequence[Check], *, strict: bool) -> list[str]:
    """Return what fails the demo: each broken check, and when `strict` each missed target.

    Args:
        checks: of serving; they hold on every machine, or something is broken.
        targets: of model quality; another processor rounds otherwise and may miss by a hair what
            our CI holds.
        strict: a missed target fails the demo too.
    """
    counted = [*checks, *targets] if strict else checks
    return [check.name for check in counted if not check.holds]
