"""The trimmed float32 graph against the untrimmed one, on held-out rows that both tokenised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_export.calibrate import fit_calibration
from ctr_export.catalogue import CATALOGUE, PLAIN
from ctr_export.errors import GateFailedError
from ctr_export.judge import gives_stored_logits
from ctr_export.layout import layout_chunks, open_pool
from ctr_export.observed import Observed
from ctr_train.metrics import auc

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_export.samples import Sample
    from ctr_service.bundle.calibration import Calibration
    from ctr_service.bundle.manifest import Layout
    from ctr_service.clock import Clock

    Floats = NDArray[np.float64]

MOST_DELTA = 1e-6
"""Most that a probability may move whose row reads the same pieces: the vectors are the same ones,
so it should not move at all."""
TRIMMING = "trimming"
REFUSED = "The gate refused the trimmed vocabulary, so no bundle was written:"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models.

    Attributes:
        graph: its plain float32 graph.
        sample: the held-out test rows, by its own tokenizer.
        pad_id: of that tokenizer.
    """

    graph: Path
    sample: Sample
    pad_id: int


@dataclass(frozen=True, slots=True)
class Sides:
    """Both models on the same rows; `same` is bool [rows], whether a row reads the same pieces."""

    before: Side
    after: Side
    same: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What trimming changed. AUCs are None where rows are all clicked or all not.

    Attributes:
        pairs: rows compared.
        changed_pairs: rows that are split otherwise.
        max_abs_delta_probability: of the rows that are not; 0 when there are none.
        auc_before, auc_after: of all rows.
        changed_auc_before, changed_auc_after: of the changed rows.
    """

    pairs: int
    changed_pairs: int
    max_abs_delta_probability: float
    auc_before: float | None
    auc_after: float | None
    changed_auc_before: float | None
    changed_auc_after: float | None


def ruler_of(validation: Sample, *, seed: int) -> Calibration:
    """Return the calibration of PyTorch's validation logits: it turns both models' into chances."""
    observed = Observed(validation.target, validation.weight, validation.examined, validation.group)
    return fit_calibration(validation.stored_logit, observed, seed=seed).calibration


def calibration_logits(side: Side, validation: Sample, layout: Layout, clock: Clock) -> Floats:
    """Return the validation logits that the build calibrates this float32 graph on, float64 [rows].

    They are those stored where the graph's test logits are, else the graph's own, as the judge
    decides it, in the judge's batches.
    """
    with open_pool(CATALOGUE[PLAIN], side.graph, layout, clock=clock) as pool:

        def score(sample: Sample) -> Floats:
            return pool.score(layout_chunks(sample.rows, layout, pad_id=side.pad_id), len(sample))

        if gives_stored_logits(score(side.sample), side.sample):
            return validation.stored_logit
        return score(validation)


def compare(
    sides: Sides,
    *,
    ruler: Calibration,
    layout: Layout,
    clock: Clock,
) -> Comparison:
    """Score the rows with both graphs.

    Rows that read the same pieces are as long as before, so they are run in the same batches.

    Args:
        sides: the untrimmed and the trimmed model.
        ruler: turns both models' logits into probabilities.
        layout: how rows are batched and run.
        clock: of the sessions.

    Raises:
        GateFailedError: a graph gives logits that are not finite.
    """
    before, after, same = sides.before, sides.after, sides.same
    logits = [_score(side, same, layout, clock) for side in (before, after)]
    moved = np.abs(ruler.apply(logits[1][same]) - ruler.apply(logits[0][same]))
    sample = before.sample
    everything = np.ones(len(sample), dtype=np.bool_)
    return Comparison(
        pairs=len(sample),
        changed_pairs=int((~same).sum()),
        max_abs_delta_probability=float(moved.max(initial=0.0)),
        auc_before=_auc(sample, logits[0], everything),
        auc_after=_auc(sample, logits[1], everything),
        changed_auc_before=_auc(sample, logits[0], ~same),
        changed_auc_after=_auc(sample, logits[1], ~same),
    )


def check_comparison(found: Comparison, *, auc_drop: float) -> None:
    """Refuse a trimming that moved what it must not, or that costs too much.

    Args:
        found: what it changed.
        auc_drop: most that the AUC of all rows may fall.

    Raises:
        GateFailedError: with both figures and what to do.
    """
    failures: list[str] = []
    moved = found.max_abs_delta_probability
    if not moved <= MOST_DELTA:
        failures.append(
            f"a pair that reads the same word pieces moved by {moved:.3g} (limit {MOST_DELTA:g}): "
            "the trimmed model is not the same one; report this"
        )
    if found.auc_before is not None and found.auc_after is not None:
        cost = found.auc_before - found.auc_after
        if cost > auc_drop:
            failures.append(
                f"the AUC of {found.pairs:,} pairs falls by {cost:.4f} (limit {auc_drop:g}) from "
                f"{found.auc_before:.4f}; {found.changed_pairs:,} of them "
                f"({found.changed_pairs / found.pairs:.1%}) are split otherwise. Lower "
                "--trim-least-count, name a log that holds more of the words, or raise "
                "--trim-auc-drop"
            )
    if failures:
        raise GateFailedError(REFUSED, {TRIMMING: tuple(failures)})


def _score(side: Side, same: NDArray[np.bool_], layout: Layout, clock: Clock) -> Floats:
    """Return the logits, float64 [rows]; rows that stay and rows that change are batched apart."""
    logits = np.empty(len(side.sample))
    with open_pool(CATALOGUE[PLAIN], side.graph, layout, clock=clock) as pool:
        for rows in (np.flatnonzero(same), np.flatnonzero(~same)):
            chunks = layout_chunks(
                [side.sample.rows[row] for row in rows], layout, pad_id=side.pad_id
            )
            logits[rows] = pool.score(chunks, len(rows))
    if not np.isfinite(logits).all():
        raise GateFailedError(
            REFUSED, {TRIMMING: ("a plain float32 graph gives no finite logits",)}
        )
    return logits


def _auc(sample: Sample, logits: Floats, rows: NDArray[np.bool_]) -> float | None:
    if not rows.any():
        return None
    value = auc(sample.target[rows], logits[rows], sample.weight[rows])
    return value if np.isfinite(value) else None
