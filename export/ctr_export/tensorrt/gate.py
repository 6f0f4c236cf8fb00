"""May a plan be served? Its numbers against the float32 graph's, on held-out rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_export.chunks import make_chunk, sorted_chunks
from ctr_export.errors import PlanRefusedError
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS
from ctr_train.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from ctr_export.chunks import Chunk
    from ctr_export.gate import GateLimits
    from ctr_export.samples import Sample
    from ctr_service.bundle.calibration import Calibration
    from ctr_service.bundle.manifest import Layout

    Floats = NDArray[np.float64]
    Run = Callable[[Mapping[str, NDArray[np.generic]]], NDArray[np.generic]]

MOST_DELTA = 0.1
"""Of any one probability. An overflow in a few rows may end in finite numbers (a LayerNorm divides
by infinity and gives its bias): too few for the 99th percentile, and far from what is right."""
EDGE_ROWS = 4
"""Real rows beside an all-padding one."""


@dataclass(frozen=True, slots=True)
class PlanFigures:
    """How far a plan is from the float32 graph.

    Attributes:
        max_delta, p99_delta: of a row's probability.
        auc_drop: None where one class is missing.
        moved_max, moved_p99: of a row's probability with other batch-mates and paddings.
    """

    pairs: int
    max_delta: float
    p99_delta: float
    auc_drop: float | None
    moved_max: float
    moved_p99: float


@dataclass(frozen=True, slots=True)
class PlanGate:
    """What a plan is judged with.

    Attributes:
        sample: held-out rows.
        layout: how they are packed.
        calibration: the float32 graph's; a plan has none of its own.
        limits: of the exporter's gate; 16-bit ones.
        pad_id: the tokenizer's.
        seed: of the other packing.
    """

    sample: Sample
    layout: Layout
    calibration: Calibration
    limits: GateLimits
    pad_id: int
    seed: int = 0

    def judge(self, reference: Run, plan: Run) -> PlanFigures:
        """Compare logits on the same batches, and the plan with itself in other batches.

        Args:
            reference: runs the float32 graph.
            plan: runs the plan.

        Raises:
            PlanRefusedError: names every check that fails, with its figure and its limit.
        """
        chunks = self._sorted()
        ours = self._logits(plan, chunks, "the plan")
        theirs = self._logits(reference, chunks, "the float32 graph")
        others = self._logits(plan, self._shuffled(), "the plan, in other batches,")
        figures = self._figures(theirs, ours, others)
        failures = [*self._too_far(figures), *self._edges(plan)]
        if failures:
            raise PlanRefusedError(
                "\n".join(("the plan fails the parity gate:", *(f"- {f}" for f in failures)))
            )
        return figures

    def _sorted(self) -> list[Chunk]:
        return sorted_chunks(
            self.sample.rows,
            buckets_tokens=self.layout.buckets_tokens,
            max_batch_tokens=self.layout.max_batch_tokens,
            pad_id=self.pad_id,
        )

    def _shuffled(self) -> list[Chunk]:
        """Pack rows in no order: each meets strangers, and the padding of the longest."""
        order = np.random.default_rng(self.seed).permutation(len(self.sample)).tolist()
        longest = self.layout.buckets_tokens[-1]
        count = max(1, self.layout.max_batch_tokens // longest)
        return [
            make_chunk(self.sample.rows, order[at : at + count], longest, pad_id=self.pad_id)
            for at in range(0, len(order), count)
        ]

    def _logits(self, run: Run, chunks: Sequence[Chunk], who: str) -> Floats:
        logits = np.full(len(self.sample), np.nan)
        for chunk in chunks:
            logits[chunk.indices] = run(chunk.tensors)
        broken = np.flatnonzero(~np.isfinite(logits))
        if len(broken):
            raise PlanRefusedError(
                f"{who} gives no finite number for {len(broken):,} of {len(logits):,} held-out "
                "rows: FP16 overflows (its largest number is 65,504); keep more layers in FP32, or "
                "serve the target onnxruntime-cuda"
            )
        return logits

    def _figures(self, reference: Floats, ours: Floats, others: Floats) -> PlanFigures:
        probability = self.calibration.apply(ours)
        delta = np.abs(probability - self.calibration.apply(reference))
        moved = np.abs(probability - self.calibration.apply(others))
        sample = self.sample
        drop = auc(sample.target, reference, sample.weight) - auc(
            sample.target, ours, sample.weight
        )
        return PlanFigures(
            pairs=len(sample),
            max_delta=float(delta.max()),
            p99_delta=float(np.quantile(delta, 0.99)),
            auc_drop=float(drop) if np.isfinite(drop) else None,
            moved_max=float(moved.max()),
            moved_p99=float(np.quantile(moved, 0.99)),
        )

    def _too_far(self, figures: PlanFigures) -> list[str]:
        limits = self.limits
        checks = (
            (
                "99th percentile of a probability's change",
                figures.p99_delta,
                limits.p99_delta_16bit,
            ),
            ("largest change of a probability", figures.max_delta, MOST_DELTA),
            ("fall of the AUC", figures.auc_drop, limits.auc_drop),
            ("largest move with other batch-mates", figures.moved_max, limits.invariance_max),
            (
                "99th percentile of moves with other batch-mates",
                figures.moved_p99,
                limits.invariance_p99,
            ),
        )
        return [
            f"{name} is {value:.3g}, above {limit:g}"
            for name, value, limit in checks
            if value is not None and value > limit
        ]

    def _edges(self, plan: Run) -> list[str]:
        """Look at an all-padding row: in FP16 a mask of -3e38 is infinite, and its softmax NaN."""
        real = list(range(min(EDGE_ROWS, len(self.sample))))
        bucket = self.layout.buckets_tokens[-1]
        alone = make_chunk(self.sample.rows, real, bucket, pad_id=self.pad_id).tensors
        tensors = {name: np.concatenate([a, a[:1]]) for name, a in alone.items()}
        tensors[INPUT_IDS][-1] = self.pad_id
        failures = []
        for length in (0, bucket):
            tensors[LENGTHS][-1] = length
            tensors[FIRST_LENGTHS][-1] = min(2, length)
            beside = np.asarray(plan(tensors), dtype=np.float64)
            if not np.isfinite(beside[-1]):
                failures.append(f"an all-padding row of length {length} gives no finite number")
            before = np.asarray(plan(alone), dtype=np.float64)
            moved = np.abs(
                self.calibration.apply(beside[:-1]) - self.calibration.apply(before)
            ).max()
            if not moved <= self.limits.invariance_max:
                failures.append(
                    f"an all-padding row of length {length} moves its neighbours by {moved:.3g}, "
                    f"above {self.limits.invariance_max:g}"
                )
        return failures
