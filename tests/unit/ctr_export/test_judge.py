"""Claims about judging: a broken graph is refused for what is broken about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_export.catalogue import CATALOGUE, PLAIN, TOKEN
from ctr_export.gate import GateLimits
from ctr_export.judge import Judge
from ctr_service.errors import BundleError
from tests.support.scripted_graph import (
    GRAPH,
    LAYOUT,
    TEST_ROWS,
    make_evidence,
    open_scripted,
    true_logits,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_export.catalogue import Candidate
    from ctr_export.chunks import Chunk
    from ctr_export.judge import Evidence
    from ctr_export.pool import Scorer
    from ctr_export.verdict import Verdict
    from ctr_service.bundle.manifest import Layout
    from tests.support.scripted_graph import Answer

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.int64]

TRUE = true_logits()
SHUFFLED = np.random.default_rng(1).permutation(TRUE)
NOISE = np.random.default_rng(2).normal(size=len(TRUE))


def honest(numbers: Numbers, _chunk: Chunk) -> Floats:
    """The model itself."""
    return TRUE[numbers]


def rounded(numbers: Numbers, _chunk: Chunk) -> Floats:
    """The model but for more than the rounding of sums in float32."""
    return TRUE[numbers] + 3e-5


def shifted(numbers: Numbers, _chunk: Chunk) -> Floats:
    """Every logit too high."""
    return TRUE[numbers] + 0.1


def moody(numbers: Numbers, chunk: Chunk) -> Floats:
    """A logit that depends on how many rows share the batch."""
    return TRUE[numbers] + 0.01 * len(chunk.indices)


def leaky(numbers: Numbers, chunk: Chunk) -> Floats:
    """A logit that depends on the padding."""
    return TRUE[numbers] + 0.01 * chunk.bucket_tokens


def coarse(numbers: Numbers, _chunk: Chunk) -> Floats:
    """Noise that belongs to the row, so that it is the same in every batch."""
    return TRUE[numbers] + 0.4 * NOISE[numbers]


def useless(numbers: Numbers, _chunk: Chunk) -> Floats:
    """Other rows' logits."""
    return SHUFFLED[numbers]


def uncalibrated(numbers: Numbers, _chunk: Chunk) -> Floats:
    """Right on test rows; on validation rows so wrong that its calibration must mislead."""
    return TRUE[numbers] + np.where(numbers >= TEST_ROWS, 1.0, 0.0)


def not_finite(numbers: Numbers, _chunk: Chunk) -> Floats:
    """A graph that overflows on some rows."""
    return np.where(numbers % 50 == 3, np.inf, TRUE[numbers])


def fails_alone(numbers: Numbers, chunk: Chunk) -> Floats:
    """Right in company; no number where a row is alone."""
    return TRUE[numbers] if len(chunk.indices) > 1 else np.full(1, np.nan)


def flat(numbers: Numbers, _chunk: Chunk) -> Floats:
    """Says the same of everything; its own calibration would make it look harmless."""
    return np.zeros(len(numbers))


def _judge(
    answer: Answer,
    precision: str,
    *,
    plain: Verdict | None = None,
    evidence: Evidence | None = None,
    limits: GateLimits | None = None,
) -> Verdict:
    judge = Judge(
        evidence or make_evidence(),
        limits or GateLimits(),
        LAYOUT,
        open_graph=lambda _candidate, _path, _layout: open_scripted(answer),
        seed=0,
    )
    return judge.judge(CATALOGUE[precision], GRAPH, None, plain)


@pytest.fixture(scope="module")
def plain() -> Verdict:
    """The verdict on an honest float32 graph."""
    verdict = _judge(honest, PLAIN)
    assert verdict.passed
    return verdict


def test_an_honest_graph_passes_with_perfect_figures(plain: Verdict) -> None:
    """The model itself has no difference to itself, in any batch."""
    figures = plain.figures
    assert figures is not None
    assert figures.max_abs_delta_logit == 0
    assert figures.invariance_max == 0
    assert figures.auc_delta == 0
    assert figures.rank_correlation == pytest.approx(1)
    assert figures.ece_delta == 0
    assert plain.calibration is not None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (shifted, "largest change of a probability against PyTorch"),
        (moody, "largest change of a probability with batch-mates"),
        (leaky, "largest change of a probability with batch-mates"),
        (flat, "largest change of a probability against PyTorch"),
        (not_finite, "12 of 600 logits are not finite"),
        (fails_alone, "logits are not finite"),
    ],
)
def test_a_broken_float32_graph_is_refused(answer: Answer, words: str) -> None:
    """A wrong, batch-dependent, padding-dependent, flat or overflowing graph fails its check."""
    verdict = _judge(answer, PLAIN)
    assert not verdict.passed
    assert any(words in sentence for sentence in verdict.failures), verdict.failures


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (coarse, "99th percentile of the change of probabilities against PyTorch"),
        (moody, "99th percentile of the change with batch-mates"),
        (moody, "largest change of a probability with batch-mates"),
        (leaky, "largest change of a probability with batch-mates"),
        (useless, "drop of AUC against PyTorch"),
        (useless, "rank correlation with PyTorch within lists"),
        (uncalibrated, "rise of the calibration error"),
        (not_finite, "logits are not finite"),
    ],
)
def test_a_broken_8bit_graph_is_refused(plain: Verdict, answer: Answer, words: str) -> None:
    """Each check of reduced precision refuses the graph that is broken in that way."""
    verdict = _judge(answer, TOKEN, plain=plain)
    assert not verdict.passed
    assert any(words in sentence for sentence in verdict.failures), verdict.failures


def test_the_calibration_check_alone_refuses_a_misleading_calibration(plain: Verdict) -> None:
    """A graph that is right on every test row is refused for its calibration and nothing else."""
    verdict = _judge(uncalibrated, TOKEN, plain=plain)
    assert len(verdict.failures) == 1
    assert verdict.figures is not None
    assert verdict.figures.max_abs_delta_logit == 0


@pytest.mark.parametrize(
    ("answer", "precision", "scored"),
    [(honest, PLAIN, False), (rounded, PLAIN, True), (honest, TOKEN, True)],
)
def test_only_a_float32_graph_that_is_the_trainers_takes_over_its_validation_logits(
    answer: Answer, precision: str, plain: Verdict, *, scored: bool
) -> None:
    """Any other has its own validation rows scored for its own calibration."""
    seen: list[int] = []

    def watched(numbers: Numbers, chunk: Chunk) -> Floats:
        seen.extend(numbers.tolist())
        return answer(numbers, chunk)

    assert _judge(watched, precision, plain=plain).passed
    assert (max(seen) >= TEST_ROWS) is scored


def test_a_refused_graph_keeps_its_figures(plain: Verdict) -> None:
    """What failed is told with the figures, so that people can see by how much."""
    verdict = _judge(coarse, TOKEN, plain=plain)
    assert verdict.figures is not None
    assert verdict.figures.p99_abs_delta_probability > 0.08
    assert verdict.figures.ece is None


def test_every_graph_is_measured_with_one_ruler(plain: Verdict) -> None:
    """A graph of noise is far from PyTorch, although its own calibration would be almost flat."""
    verdict = _judge(useless, TOKEN, plain=plain)
    assert verdict.figures is not None
    assert verdict.figures.p99_abs_delta_probability > 0.5


def test_a_slightly_rounded_8bit_graph_passes(plain: Verdict) -> None:
    """Rounding that belongs to the row and stays within the limits is accepted."""
    verdict = _judge(
        lambda numbers, _chunk: TRUE[numbers] + 0.02 * NOISE[numbers], TOKEN, plain=plain
    )
    assert verdict.passed, verdict.failures


def test_one_class_only_is_said_and_refuses_reduced_precision(plain: Verdict) -> None:
    """Without clicks AUC is None; the 8-bit graph is refused for it, the float32 graph is not."""
    evidence = make_evidence()
    test = replace(evidence.test, target=np.zeros(len(evidence.test)))
    one_class = replace(evidence, test=test)
    float32 = _judge(honest, PLAIN, evidence=one_class)
    int8 = _judge(honest, TOKEN, evidence=one_class, plain=plain)
    assert float32.passed
    assert float32.figures is not None
    assert float32.figures.auc is None
    assert any("AUC against PyTorch could not be judged" in line for line in int8.failures)


def test_a_graph_that_cannot_be_loaded_is_refused_not_fatal() -> None:
    """The runtime's refusal becomes a sentence of the verdict."""

    def refuse(
        _candidate: Candidate, _path: Path, _layout: Layout
    ) -> AbstractContextManager[Scorer]:
        raise BundleError("ONNX Runtime cannot load it")

    opener: Callable[[Candidate, Path, Layout], AbstractContextManager[Scorer]] = refuse
    judge = Judge(make_evidence(), GateLimits(), LAYOUT, open_graph=opener, seed=0)
    verdict = judge.judge(CATALOGUE[TOKEN], GRAPH, None, None)
    assert verdict.failures == ("it cannot be run: ONNX Runtime cannot load it",)
