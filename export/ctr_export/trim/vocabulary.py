"""What stays of a checkpoint's vocabulary: what the log uses, what rows need, every character."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_export.errors import ExportError
from ctr_export.trim.counts import template_pieces
from ctr_export.trim.pieces import kept_ids, renumber
from ctr_export.trim.vectors import ids_of_config, table_shape
from ctr_service.bundle.tokens import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedModel

    from ctr_export.trim.tokenizer_json import TokenizerJson
    from ctr_service.bundle.template import InputTemplate
    from ctr_train.checkpoint import Checkpoint


def choose_ids(
    checkpoint: Checkpoint,
    tokenizer: TokenizerJson,
    model: PreTrainedModel,
    uses: Mapping[int, int],
    *,
    least_count: int,
) -> dict[int, int]:
    """Return old id -> new id of everything that stays.

    Args:
        checkpoint: untrimmed.
        tokenizer: the checkpoint's.
        model: the checkpoint's, for its config and the size of its word embedding.
        uses: id -> uses in the training rows.
        least_count: uses that keep a piece of several characters.

    Raises:
        ExportError: the tokenizer has ids that the model has no vector for.
    """
    info = checkpoint.info
    always = tokenizer.ids_with_a_meaning | _ids_of(info.template) | ids_of_config(model)
    always |= template_pieces(info.features, load_tokenizer(checkpoint.tokenizer_path))
    kept = kept_ids(
        tokenizer.vocabulary,
        uses,
        prefix=tokenizer.prefix,
        least_count=least_count,
        always=always,
    )
    vectors, _ = table_shape(model)
    if kept[-1] >= vectors:
        raise ExportError(
            f"the tokenizer has the token id {kept[-1]}, and the model has {vectors} word vectors: "
            "they do not belong together; fit the model again"
        )
    return renumber(kept)


def trimmed_template(template: InputTemplate, new_ids: Mapping[int, int]) -> InputTemplate:
    """Return the template with its ids renumbered."""
    return template.model_copy(
        update={
            "cls_id": new_ids[template.cls_id],
            "sep_id": new_ids[template.sep_id],
            "pad_id": new_ids[template.pad_id],
            "separator_ids": tuple(new_ids[number] for number in template.separator_ids),
        }
    )


def _ids_of(template: InputTemplate) -> set[int]:
    return {template.cls_id, template.sep_id, template.pad_id, *template.separator_ids}
