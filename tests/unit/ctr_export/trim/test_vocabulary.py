"""Claims about what stays of a checkpoint's vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_export.errors import ExportError
from ctr_export.trim.tokenizer_json import read_tokenizer_json
from ctr_export.trim.vectors import trim_model
from ctr_export.trim.vocabulary import choose_ids, trimmed_template
from ctr_train.checkpoint import load_checkpoint
from ctr_train.model import load_classifier
from tests.support.tiny_checkpoint import make_tiny_checkpoint

if TYPE_CHECKING:
    from ctr_train.checkpoint import Checkpoint

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
OF_FEATURES = ("price", "brand", "segment", "unknown", "new")
"""Names, the word for a missing value, and a default."""
NEVER_USED = ("hour", "tags", "globex")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A tiny checkpoint with three features."""
    return load_checkpoint(make_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny"))


def test_an_empty_log_leaves_what_rows_need(checkpoint: Checkpoint) -> None:
    """Special tokens, the separator, characters, and the words of features; no other word."""
    tokenizer = read_tokenizer_json(checkpoint.tokenizer_path)
    model = load_classifier(checkpoint.folder)
    new_ids = choose_ids(checkpoint, tokenizer, model, {}, least_count=1)
    left = tokenizer.trimmed(new_ids).vocabulary
    assert left.keys() >= {*SPECIAL, *OF_FEATURES, "|", "a", "##a", "9", "##9", ","}
    assert not left.keys() & {*NEVER_USED, "lamp", "chair"}


def test_a_use_at_the_least_count_keeps_a_word(checkpoint: Checkpoint) -> None:
    """Three uses keep it at 3, two do not."""
    tokenizer = read_tokenizer_json(checkpoint.tokenizer_path)
    model = load_classifier(checkpoint.folder)
    ids = tokenizer.vocabulary
    uses = {ids["lamp"]: 3, ids["chair"]: 2}
    new_ids = choose_ids(checkpoint, tokenizer, model, uses, least_count=3)
    assert ids["lamp"] in new_ids
    assert ids["chair"] not in new_ids


def test_the_template_names_the_same_tokens(checkpoint: Checkpoint) -> None:
    """Its ids are those of the same strings in the trimmed vocabulary."""
    tokenizer = read_tokenizer_json(checkpoint.tokenizer_path)
    shifted = {old: old + 40 for old in tokenizer.vocabulary.values()}
    template, old = trimmed_template(checkpoint.info.template, shifted), checkpoint.info.template
    assert (template.cls_id, template.sep_id) == (old.cls_id + 40, old.sep_id + 40)
    assert template.pad_id == old.pad_id + 40
    assert template.separator_ids == tuple(number + 40 for number in old.separator_ids)
    assert template.segments == old.segments


def test_a_tokenizer_beyond_the_model_is_refused(checkpoint: Checkpoint) -> None:
    """A token without a vector is a checkpoint whose files do not belong together."""
    tokenizer = read_tokenizer_json(checkpoint.tokenizer_path)
    model = load_classifier(checkpoint.folder)
    trim_model(model, {number: number for number in range(20)})
    with pytest.raises(ExportError, match="the model has 20 word vectors"):
        choose_ids(checkpoint, tokenizer, model, {}, least_count=1)
