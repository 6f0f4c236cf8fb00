"""Judging one candidate: score the held-out rows, take the figures, calibrate, ask the gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctr_export.calibrate import fit_calibration
from ctr_export.gate import checks_after_calibration, checks_before_calibration, failures
from ctr_export.invariance import compositions, moved
from ctr_export.layout import layout_chunks
from ctr_export.observed import Observed
from ctr_export.parity import calibration_error, parity_figures
from ctr_export.reference import ROUNDING
from ctr_export.verdict import Verdict
from ctr_service.errors import CtrError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_export.calibrate import FittedCalibration
    from ctr_export.catalogue import Candidate
    from ctr_export.chunks import Chunk
    from ctr_export.gate import GateLimits
    from ctr_export.measure import Speed
    from ctr_export.pool import Scorer
    from ctr_export.samples import Sample
    from ctr_service.bundle.manifest import Layout, ParityFigures

    Floats = NDArray[np.float64]


FLOAT_BITS = 32


@dataclass(frozen=True, slots=True)
class Evidence:
    """What candidates are judged on.

    Attributes:
        test: rows that figures are taken on.
        reference: PyTorch's logits of `test`, float64 [rows].
        validation: rows that calibrations are fitted on.
        pad_id: the tokenizer's padding id.
        carried: the stored validation logits are those that the untrimmed float32 graph was
            calibrated on; a trimmed vocabulary keeps that calibration.
    """

    test: Sample
    reference: Floats
    validation: Sample
    pad_id: int
    carried: bool = False


class _NotFiniteError(Exception):
    """A graph gave a logit that is no number."""


class Judge:
    """Judges candidates one after another.

    All are measured with one ruler, the calibration of PyTorch's own validation logits: a broken
    graph whose own calibration is flat must not look close to anything.
    """

    def __init__(
        self,
        evidence: Evidence,
        limits: GateLimits,
        layout: Layout,
        *,
        open_graph: Callable[[Candidate, Path, Layout], AbstractContextManager[Scorer]],
        seed: int,
    ) -> None:
        """Plan the batches once.

        Args:
            evidence: the rows.
            limits: the gate's.
            layout: how rows are batched and run.
            open_graph: loads a candidate's graph as the layout says; tests open a broken one in its
                place.
            seed: of the compositions and the folds.
        """
        self._evidence = evidence
        self._limits = limits
        self._layout = layout
        self._seed = seed
        self._open = open_graph
        test, validation, pad_id = evidence.test, evidence.validation, evidence.pad_id
        self._test_chunks = layout_chunks(test.rows, layout, pad_id=pad_id)
        self._validation_chunks = layout_chunks(validation.rows, layout, pad_id=pad_id)
        self._compositions = compositions(
            test.rows, longest_tokens=layout.buckets_tokens[-1], pad_id=pad_id, seed=seed
        )
        self._observed = Observed(
            validation.target, validation.weight, validation.examined, validation.group
        )
        self._ruler = fit_calibration(
            validation.stored_logit, self._observed, seed=seed
        ).calibration

    def judge(
        self, candidate: Candidate, path: Path, speed: Speed | None, plain: Verdict | None
    ) -> Verdict:
        """Judge a graph.

        Args:
            candidate: what it is.
            path: its file.
            speed: as measured; passed on.
            plain: the verdict on the plain float32 graph, whose calibration error is the base;
                None when this is that graph.
        """
        verdict = Verdict(candidate, path, speed)
        try:
            with self._open(candidate, path, self._layout) as pool:
                return self._judge(verdict, pool, plain)
        except CtrError as error:
            return replace(verdict, failures=(f"it cannot be run: {error}",))
        except _NotFiniteError as error:
            return replace(verdict, failures=(str(error),))

    def _judge(self, verdict: Verdict, pool: Scorer, plain: Verdict | None) -> Verdict:
        test, bits = self._evidence.test, verdict.candidate.bits
        home = _finite(pool.score(self._test_chunks, len(test)))
        others = {
            name: self._recompose(pool, chunks) for name, chunks in self._compositions.items()
        }
        figures = parity_figures(
            self._evidence.reference,
            home,
            test,
            ruler=self._ruler,
            shifted=moved(home, others, self._ruler),
        )
        failed = failures(checks_before_calibration(figures, bits, self._limits))
        if failed:
            return replace(verdict, figures=figures, failures=failed)
        own = self._calibrate(pool, home, bits)
        figures = self._with_calibration_error(figures, home, own, plain)
        failed = failures(checks_after_calibration(figures, bits, self._limits))
        return replace(verdict, figures=figures, calibration=own, failures=failed)

    def _recompose(self, pool: Scorer, chunks: list[Chunk]) -> Floats:
        """Score a composition; NaN marks the rows that it leaves out, and only them."""
        logits = pool.score(chunks, len(self._evidence.test))
        _finite(logits[np.concatenate([chunk.indices for chunk in chunks])])
        return logits

    def _calibrate(self, pool: Scorer, home: Floats, bits: int) -> FittedCalibration:
        """Fit the graph's own calibration on its validation logits.

        A float32 graph whose test logits are those that the trainer wrote down has the trainer's
        validation logits too: they are not computed again, which would take the slowest graph
        longer than all its other checks.
        """
        test, validation = self._evidence.test, self._evidence.validation
        known = self._evidence.carried or gives_stored_logits(home, test)
        if bits == FLOAT_BITS and known:
            logits = validation.stored_logit
        else:
            logits = _finite(pool.score(self._validation_chunks, len(validation)))
        return fit_calibration(logits, self._observed, seed=self._seed)

    def _with_calibration_error(
        self,
        figures: ParityFigures,
        logits: Floats,
        own: FittedCalibration,
        plain: Verdict | None,
    ) -> ParityFigures:
        """Add ECE, and by how much it exceeds the plain graph's; for that one, PyTorch's."""
        test, reference = self._evidence.test, self._evidence.reference
        error = calibration_error(logits, test, own.calibration, reference=reference)
        if plain is None:
            base = calibration_error(reference, test, self._ruler, reference=reference)
        else:
            base = plain.figures.ece if plain.figures else None
        delta = None if error is None or base is None else error - base
        return figures.model_copy(update={"ece": error, "ece_delta": delta})


def gives_stored_logits(logits: Floats, sample: Sample) -> bool:
    """Say whether a graph's logits are those that the trainer wrote down, but for rounding."""
    return bool(np.abs(logits - sample.stored_logit).max() <= ROUNDING)


def _finite(logits: Floats) -> Floats:
    broken = int((~np.isfinite(logits)).sum())
    if broken:
        raise _NotFiniteError(f"{broken} of {len(logits)} logits are not finite")
    return logits
