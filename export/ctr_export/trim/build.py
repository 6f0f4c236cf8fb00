"""Checkpoint -> trimmed checkpoint -> bundle, with what the trimming changed in its manifest."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

from ctr_export.build import build_bundle, check_request
from ctr_export.graph import write_graph
from ctr_export.layout import comparing_layout
from ctr_export.samples import read_sample, sampled_rows
from ctr_export.trim.checkpoint import seal_trimmed, write_trimmed
from ctr_export.trim.comparison import (
    Side,
    Sides,
    calibration_logits,
    check_comparison,
    compare,
    ruler_of,
)
from ctr_export.trim.counts import count_log
from ctr_export.trim.rows import same_pieces
from ctr_export.trim.tokenizer_json import read_tokenizer_json
from ctr_export.trim.vectors import FLOAT_BYTES, table_shape
from ctr_export.trim.vocabulary import choose_ids
from ctr_service.bundle.files import PARTIAL_SUFFIX
from ctr_service.bundle.trimming import TrimmingRecord
from ctr_train.checkpoint import load_checkpoint, read_heldout
from ctr_train.model import load_classifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ctr_export.build import Built
    from ctr_export.options import BuildOptions
    from ctr_export.samples import Sample
    from ctr_export.trim.comparison import Comparison
    from ctr_service.clock import Clock
    from ctr_train.checkpoint import Checkpoint, SplitName

CHECKPOINT_FOLDER = "checkpoint"


def build_trimmed(
    folder: Path,
    out: Path,
    options: BuildOptions,
    *,
    clock: Clock,
    say: Callable[[str], None],
) -> Built:
    """Export the checkpoint in `folder` with a trimmed vocabulary; all of it, or nothing.

    Args:
        folder: what `ctr-train fit` wrote; it is only read.
        out: replaced if it is a bundle, refused if it is anything else.
        options: the user's; `trim` is among them.
        clock: for measurements.
        say: told at each step, for people.

    Raises:
        TrainError: the checkpoint or the log will not do, or they do not fit together.
        ExportError: options, tokenizer, rows or model do not fit.
        GateFailedError: the trimming changed or cost too much, or the plain float32 graph failed.
    """
    check_request(out, options)
    checkpoint = load_checkpoint(folder)
    trimming = Trimming(checkpoint, options, clock=clock, say=say)
    with _scratch_folder(out) as scratch:
        trimmed = trimming.run(scratch)
        return build_bundle(trimmed, out, options, clock=clock, say=say)


class Trimming:
    """One trimming, up to the trimmed checkpoint. One instance for one build."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        options: BuildOptions,
        *,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        """Take what the trimming needs.

        Args:
            checkpoint: verified, untrimmed.
            options: which log, how rare a word piece may be, which rows are compared, and what
                they may lose.
            clock: of the sessions.
            say: told at each step, for people.

        Raises:
            ExportError: the tokenizer cannot be trimmed.
            ValueError: the options ask for no trimming.
        """
        if options.trim is None:
            raise ValueError("the options ask for no trimming")
        self._checkpoint = checkpoint
        self._options = options
        self._trim = options.trim
        self._clock = clock
        self._say = say
        self._tokenizer = read_tokenizer_json(checkpoint.tokenizer_path)

    def run(self, scratch: Path) -> Path:
        """Fill an empty folder; return the trimmed checkpoint in it, sealed.

        Raises:
            TrainError: the log will not do, or does not fit the checkpoint.
            ExportError: rows or model do not fit.
            GateFailedError: the trimming changed or cost too much.
        """
        options, info = self._options, self._checkpoint.info
        test = self._sample("test", options.pairs)
        validation = self._sample("validation", options.calibration_pairs)
        self._say("counting the word pieces of the log's training rows")
        uses = count_log(self._checkpoint, self._trim.log, self._say)
        model = load_classifier(self._checkpoint.folder)
        shape = table_shape(model)
        new_ids = choose_ids(
            self._checkpoint, self._tokenizer, model, uses, least_count=self._trim.least_count
        )
        self._say(f"trimming the vocabulary from {shape[0]:,} to {len(new_ids):,} word pieces")
        folder = scratch / CHECKPOINT_FOLDER
        folder.mkdir()
        trimmed = write_trimmed(folder, self._checkpoint, self._tokenizer, model, new_ids)

        self._say(f"comparing {len(test):,} held-out pairs with and without trimming")
        before = Side(scratch / "untrimmed.onnx", test, info.template.pad_id)
        write_graph(load_classifier(self._checkpoint.folder), before.graph)
        again = read_sample(trimmed, "test", most=options.pairs, seed=options.seed)
        after = Side(scratch / "trimmed.onnx", again, trimmed.info.template.pad_id)
        write_graph(model, after.graph)
        layout = comparing_layout(test.lengths, info.template, cores=options.cores)
        found = compare(
            Sides(before, after, same_pieces(test.rows, again.rows, new_ids)),
            ruler=ruler_of(validation, seed=options.seed),
            layout=layout,
            clock=self._clock,
        )
        check_comparison(found, auc_drop=self._trim.auc_drop)
        seal_trimmed(
            trimmed,
            self._record(trimmed, len(new_ids), shape, found),
            calibration_logits(before, validation, layout, self._clock),
            self._validation_rows(),
        )
        return folder

    def _sample(self, split: SplitName, most: int) -> Sample:
        return read_sample(self._checkpoint, split, most=most, seed=self._options.seed)

    def _validation_rows(self) -> NDArray[np.int64]:
        options = self._options
        held = read_heldout(self._checkpoint, "validation")
        return sampled_rows(held, most=options.calibration_pairs, seed=options.seed)

    def _record(
        self,
        trimmed: Checkpoint,
        pieces: int,
        before: tuple[int, int],
        found: Comparison,
    ) -> TrimmingRecord:
        vectors, width = before
        sizes = [one.tokenizer_path.stat().st_size for one in (self._checkpoint, trimmed)]
        return TrimmingRecord(
            checkpoint_weights_sha256=self._checkpoint.weights_sha256,
            least_count=self._trim.least_count,
            pieces_before=vectors,
            pieces_after=pieces,
            saved_bytes_a_graph=(vectors - pieces) * width * FLOAT_BYTES,
            saved_tokenizer_bytes=sizes[0] - sizes[1],
            **asdict(found),
        )


@contextlib.contextmanager
def _scratch_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out`, and remove it; a killed run's is removed by the next."""
    absolute = out.absolute()
    scratch = absolute.with_name(f".{absolute.name}.trim{PARTIAL_SUFFIX}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch)
