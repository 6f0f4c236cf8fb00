"""Finished bundles side by side: size, speed in one interleaved run, AUC on the same rows."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_export.entries import rival_of
from ctr_export.errors import ExportError
from ctr_export.layout import SHORTEST_TOKENS, layout_chunks, open_pool, usual_layout
from ctr_export.measure import measure_speeds
from ctr_export.samples import row_builder, spread_by_length
from ctr_service.types import Row
from ctr_train.checkpoint import load_checkpoint, read_heldout
from ctr_train.held_rows import limit_rows
from ctr_train.metrics import auc, lift_kept
from ctr_train.paired import auc_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_export.entries import Entry
    from ctr_export.measure import Speed
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.bundle.manifest import Layout
    from ctr_service.clock import Clock
    from ctr_train.checkpoint import HeldOut
    from ctr_train.paired import Difference

    Floats = NDArray[np.float64]

TIMED_PAIRS = 256
ROUNDS = 9
STORED_AUC = "test.auc"
MEAN_TOKENS = "training.mean_row_tokens"
SPREAD = (0.6, 1.4)
"""Lengths of made-up rows, relative to the mean: about those of the demo's log."""
UNKNOWN_MEAN = 0.6
"""Mean length by the longest, where a bundle does not know its log's."""


@dataclass(frozen=True, slots=True)
class Line:
    """One graph in the comparison.

    Attributes:
        rival: the first bundle's graph of the same name, or its default; None for the graphs
            of the first bundle themselves.
        ratio: this speed by the rival's.
        auc: on the rows, or the trainer's own figure where no rows were given; None for neither.
        cost: AUC less the rival's, on the same rows, with a paired bootstrap interval over lists.
        auc_less_rival: the same without an interval, also where no rows were given.
        lift_kept: share of the rival's AUC above 0.5.
    """

    entry: Entry
    speed: Speed
    rival: Entry | None
    ratio: float | None
    auc: float | None
    cost: Difference | None
    auc_less_rival: float | None
    lift_kept: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All graphs, the first bundle's first.

    Attributes:
        layout: in which all of them were timed.
        pairs: held-out rows behind the AUCs; 0 where they are the trainers' own figures.
    """

    lines: tuple[Line, ...]
    layout: Layout
    pairs: int


class Comparer:
    """Compares graphs on this machine."""

    def __init__(self, *, cores: int, seed: int, clock: Clock, say: Callable[[str], None]) -> None:
        """Make a comparer.

        Args:
            cores: that the graphs may use.
            seed: of samples and the bootstrap.
            clock: for measurements.
            say: told at each step, for people.
        """
        self._cores = cores
        self._seed = seed
        self._clock = clock
        self._say = say

    def compare(self, entries: Sequence[Entry], rows_from: Path | None, most: int) -> Comparison:
        """Time all graphs in turn and score the held-out rows with each.

        Args:
            entries: the first bundle's first.
            rows_from: a checkpoint whose test rows are scored; None for the trainers' own figures.
            most: at most so many of its rows, whole lists.

        Raises:
            BundleError: the runtime cannot load a graph.
            BackendFailedError: the engine failed.
            CheckpointError: the checkpoint cannot be read.
            ExportError: the rows do not fit a bundle, or there are none.
        """
        bundles = {entry.number: entry.bundle for entry in entries}
        held = None
        rows: dict[int, list[Row]] = {}
        if rows_from is not None:
            held = read_rows(rows_from, bundles.values(), most=most, seed=self._seed)
            rows = {number: _tokenise(bundle, held) for number, bundle in bundles.items()}
            lengths = np.array([row.length for row in rows[0]], dtype=np.int64)
        else:
            lengths = _usual_lengths(bundles[0])
        longest = max(bundle.manifest.template.max_row_tokens for bundle in bundles.values())
        layout = usual_layout(lengths, longest, cores=self._cores)
        speeds = self._time(entries, lengths, layout)
        logits = {
            entry.key: self._score(entry, rows[entry.number], layout) for entry in entries if rows
        }
        figures = Figures(speeds, logits, held, self._seed)
        lines = tuple(figures.line(entry, rival_of(entry, entries)) for entry in entries)
        return Comparison(lines, layout, 0 if held is None else len(held))

    def _time(
        self, entries: Sequence[Entry], lengths: NDArray[np.int64], layout: Layout
    ) -> dict[str, Speed]:
        """Time all graphs on the same batches.

        Of the rows only the lengths are taken: a token's number costs nothing, and a vocabulary
        that was trimmed knows other numbers.
        """
        self._say(f"timing {len(entries)} graphs in alternating rounds")
        chosen = lengths[spread_by_length(lengths, TIMED_PAIRS)]
        rows = [Row.of(np.zeros(length, dtype=np.int32), 2) for length in chosen.tolist()]
        chunks = layout_chunks(rows, layout, pad_id=0)
        with contextlib.ExitStack() as stack:
            pools = {
                entry.key: stack.enter_context(
                    open_pool(entry, entry.path, layout, clock=self._clock)
                )
                for entry in entries
            }
            return measure_speeds(pools, chunks, rounds=ROUNDS)

    def _score(self, entry: Entry, rows: list[Row], layout: Layout) -> Floats:
        self._say(f"scoring {len(rows):,} rows with {entry.bundle.folder.name} {entry.name}")
        chunks = layout_chunks(rows, layout, pad_id=entry.bundle.manifest.template.pad_id)
        with open_pool(entry, entry.path, layout, clock=self._clock) as pool:
            return pool.score(chunks, len(rows))


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured, by the key of an entry.

    Attributes:
        logits: float64 [rows] of each graph; empty without rows.
        held: the rows.
    """

    speeds: Mapping[str, Speed]
    logits: Mapping[str, Floats]
    held: HeldOut | None
    seed: int

    def line(self, entry: Entry, rival: Entry) -> Line:
        """Return an entry's line."""
        speed, ours, theirs = self.speeds[entry.key], self._auc(entry), self._auc(rival)
        if entry.number == 0:
            return Line(entry, speed, None, None, ours, None, None, None)
        ratio = speed.pairs_per_second / self.speeds[rival.key].pairs_per_second
        if ours is None or theirs is None:
            return Line(entry, speed, rival, ratio, ours, None, None, None)
        kept = lift_kept(ours, theirs)
        return Line(entry, speed, rival, ratio, ours, self._cost(entry, rival), ours - theirs, kept)

    def _auc(self, entry: Entry) -> float | None:
        if self.held is None:
            return entry.bundle.manifest.metrics.get(STORED_AUC)
        value = auc(self.held.target, self.logits[entry.key], self.held.weight)
        return value if np.isfinite(value) else None

    def _cost(self, entry: Entry, rival: Entry) -> Difference | None:
        if self.held is None:
            return None
        return auc_difference(
            (self.held.target, self.held.weight, self.held.group),
            self.logits[entry.key],
            self.logits[rival.key],
            np.random.default_rng(self.seed),
        )


def read_rows(folder: Path, bundles: Iterable[Bundle], *, most: int, seed: int) -> HeldOut:
    """Return at most `most` test rows of a checkpoint, whole lists, that every bundle can read.

    Raises:
        CheckpointError: the checkpoint cannot be read.
        ExportError: it has no test rows, or a bundle reads other features.
    """
    checkpoint = load_checkpoint(folder)
    info = checkpoint.info
    names = [segment.name for segment in info.template.segments]
    for bundle in bundles:
        own = [segment.name for segment in bundle.manifest.template.segments]
        if own != names or bundle.manifest.features != info.features:
            raise ExportError(
                f"{bundle.folder} reads other features than the rows of {folder} hold: they are "
                "rendered texts and fit models of the same log only"
            )
    held = read_heldout(checkpoint, "test")
    if not len(held):
        raise ExportError(f"{folder} holds no test rows, so no AUC can be told")
    groups = [str(code) for code in held.group]
    return held.take(limit_rows(np.arange(len(held)), groups, most=most, seed=seed))


def _tokenise(bundle: Bundle, held: HeldOut) -> list[Row]:
    return row_builder(bundle.tokenizer_path, bundle.manifest.template).build(held.segments).rows


def _usual_lengths(bundle: Bundle) -> NDArray[np.int64]:
    """Return lengths about the mean of the training log, int64 [256]."""
    longest = bundle.manifest.template.max_row_tokens
    mean = bundle.manifest.metrics.get(MEAN_TOKENS, longest * UNKNOWN_MEAN)
    lengths = np.linspace(SPREAD[0] * mean, SPREAD[1] * mean, TIMED_PAIRS)
    return np.clip(lengths.round(), SHORTEST_TOKENS, longest).astype(np.int64)
