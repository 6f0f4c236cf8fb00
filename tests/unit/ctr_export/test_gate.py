"""Claims about the gate: each limit refuses what lies beyond it, and only that."""

from __future__ import annotations

from dataclasses import fields

import pytest

from ctr_export.gate import (
    Bits,
    Check,
    GateLimits,
    checks_after_calibration,
    checks_before_calibration,
    failures,
)
from ctr_service.bundle.manifest import ParityFigures

LIMITS = GateLimits()
GOOD = ParityFigures(
    pairs=2_000,
    max_abs_delta_logit=0.0,
    max_abs_delta_probability=0.0,
    p99_abs_delta_probability=0.0,
    auc=0.75,
    auc_delta=0.0,
    ece=0.01,
    ece_delta=0.0,
    rank_correlation=1.0,
    invariance_max=0.0,
    invariance_p99=0.0,
)
JUST = 1e-9
CASES: list[tuple[Bits, str, float, float, str]] = [
    (32, "max_abs_delta_probability", 1e-4, 1, "against PyTorch"),
    (32, "invariance_max", 1e-4, 1, "batch-mates"),
    (16, "p99_abs_delta_probability", 0.02, 1, "99th percentile of the change of probabilities"),
    (8, "p99_abs_delta_probability", 0.08, 1, "99th percentile of the change of probabilities"),
    (8, "invariance_p99", 0.002, 1, "99th percentile of the change with batch-mates"),
    (8, "invariance_max", 0.02, 1, "largest change of a probability with batch-mates"),
    (16, "auc_delta", -0.002, -1, "drop of AUC"),
    (8, "auc_delta", -0.002, -1, "drop of AUC"),
    (8, "rank_correlation", 0.8, -1, "rank correlation"),
    (8, "ece_delta", 0.005, 1, "calibration error"),
    (16, "ece_delta", 0.005, 1, "calibration error"),
]


def _failures(figures: ParityFigures, bits: Bits) -> tuple[str, ...]:
    before = checks_before_calibration(figures, bits, LIMITS)
    return failures(before + checks_after_calibration(figures, bits, LIMITS))


@pytest.mark.parametrize(("bits", "figure", "limit", "sign", "words"), CASES)
def test_each_limit_refuses_what_is_beyond_it(
    bits: Bits, figure: str, limit: float, sign: int, words: str
) -> None:
    """At the limit a figure passes; just beyond, exactly one sentence names it."""
    at = GOOD.model_copy(update={figure: limit - sign * JUST})
    beyond = GOOD.model_copy(update={figure: limit + sign * 1e-6})
    assert _failures(at, bits) == ()
    sentences = _failures(beyond, bits)
    assert len(sentences) == 1
    assert words in sentences[0]
    assert f"{abs(limit):g}" in sentences[0]


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ("auc_delta", "drop of AUC against PyTorch could not be judged"),
        ("ece_delta", "could not be judged: 2000 held-out rows are too few"),
        ("rank_correlation", "could not be judged: no held-out list"),
    ],
)
def test_what_cannot_be_judged_refuses_reduced_precision_only(figure: str, words: str) -> None:
    """An undefined figure is named and refuses an 8-bit graph; a float32 graph needs none."""
    unknown = GOOD.model_copy(update={figure: None})
    assert any(words in sentence for sentence in _failures(unknown, 8))
    assert _failures(unknown, 32) == ()


def test_nan_never_passes() -> None:
    """A figure that is no number fails its check, whichever side the limit is on."""
    assert not Check("x", float("nan"), 1.0).passed
    assert not Check("x", float("nan"), 1.0, at_least=True).passed


def test_a_sentence_says_by_how_much() -> None:
    """The sentence holds value, limit and distance."""
    sentence = Check("drop of AUC", 0.005, 0.002).sentence()
    assert sentence == "drop of AUC 0.005 exceeds the limit 0.002 by 0.003"


def test_the_defaults_are_those_of_the_issue() -> None:
    """The limits that the project decided are the defaults."""
    assert {field.name: field.default for field in fields(GateLimits)} == {
        "fp32_max_delta": 1e-4,
        "p99_delta_16bit": 0.02,
        "p99_delta_8bit": 0.08,
        "auc_drop": 0.002,
        "ece_rise": 0.005,
        "rank_correlation": 0.8,
        "fp32_invariance_max": 1e-4,
        "invariance_max": 0.02,
        "invariance_p99": 0.002,
    }
