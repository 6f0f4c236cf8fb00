"""The trimmed copy of a checkpoint: fewer word vectors, new ids, held-out rows judged anew.

The ordinary build runs from it. It is scratch: it lies beside the bundle until that is written.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ctr_export.reference import reference_logits
from ctr_export.samples import Sample
from ctr_export.trim.rows import build_rows, same_pieces
from ctr_export.trim.vectors import trim_model
from ctr_export.trim.vocabulary import trimmed_template
from ctr_train.checkpoint import (
    HELDOUT_FILE,
    METRICS_FILE,
    TOKENIZER_FILE,
    TRAIN_CONFIG_FILE,
    Checkpoint,
    digest_files,
    read_heldout,
    write_info,
)
from ctr_train.collate import RowCollator
from ctr_train.heldout import write_heldout_file
from ctr_train.model import uses_token_types
from ctr_train.scorer import TorchScorer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from ctr_export.trim.tokenizer_json import TokenizerJson
    from ctr_service.bundle.trimming import TrimmingRecord
    from ctr_service.types import Row
    from ctr_train.checkpoint import HeldOut


def write_trimmed(
    folder: Path,
    checkpoint: Checkpoint,
    tokenizer: TokenizerJson,
    model: PreTrainedModel,
    new_ids: Mapping[int, int],
) -> Checkpoint:
    """Fill an empty folder with the trimmed copy; the info file is left to the caller.

    A test row that reads the same pieces keeps its logit, one that does not gets the trimmed
    model's. Validation rows keep theirs until `seal_trimmed`.

    Args:
        folder: empty.
        checkpoint: the untrimmed one; its test split holds rows.
        tokenizer: the checkpoint's.
        model: the checkpoint's; it becomes the trimmed one, in place.
        new_ids: old id -> new id of what stays.

    Raises:
        ExportError: the logits in the checkpoint are not its model's.
    """
    pad_id = checkpoint.info.template.pad_id
    test = read_heldout(checkpoint, "test")
    before = build_rows(checkpoint, test.segments)
    logit = _logits(model, test, before, pad_id=pad_id).copy()

    trim_model(model, new_ids)
    model.save_pretrained(folder)
    tokenizer.trimmed(new_ids).write(folder / TOKENIZER_FILE)
    for name in (METRICS_FILE, TRAIN_CONFIG_FILE):
        shutil.copyfile(checkpoint.folder / name, folder / name)
    template = trimmed_template(checkpoint.info.template, new_ids)
    trimmed = Checkpoint(folder, checkpoint.info.model_copy(update={"template": template}))

    after = build_rows(trimmed, test.segments)
    changed = np.flatnonzero(~same_pieces(before, after, new_ids))
    collator = RowCollator(pad_id=template.pad_id, token_types=uses_token_types(model.config))
    logit[changed] = TorchScorer(model, collator).logits([after[row] for row in changed])
    _write_held(folder, read_heldout(checkpoint, "validation"), replace(test, logit=logit))
    return trimmed


def seal_trimmed(
    trimmed: Checkpoint,
    record: TrimmingRecord,
    logits: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> None:
    """Write the info file, last, with the validation logits that calibrate the float32 graph.

    They are the untrimmed graph's, also of rows that are split otherwise: so the trimmed graph is
    calibrated as the untrimmed one would have been, and a row that reads the same pieces gets the
    very same probability.

    Args:
        trimmed: what `write_trimmed` returned.
        record: what the trimming changed.
        logits: float64 [sampled rows].
        rows: which validation rows those are.
    """
    validation = read_heldout(trimmed, "validation")
    carried = validation.logit.copy()
    carried[rows] = logits
    _write_held(trimmed.folder, replace(validation, logit=carried), read_heldout(trimmed, "test"))
    update = {"files": digest_files(trimmed.folder), "trimming": record}
    write_info(trimmed.folder, trimmed.info.model_copy(update=update))


def _write_held(folder: Path, validation: HeldOut, test: HeldOut) -> None:
    write_heldout_file(folder / HELDOUT_FILE, [("validation", validation), ("test", test)])


def _logits(
    model: PreTrainedModel, held: HeldOut, rows: Sequence[Row], *, pad_id: int
) -> NDArray[np.float64]:
    """Return the model's float32 logits of held-out rows: those stored, where they are that."""
    everywhere = np.ones(len(held))
    sample = Sample(list(rows), held.target, held.weight, everywhere, held.group, held.logit)
    return reference_logits(model, sample, pad_id=pad_id)
