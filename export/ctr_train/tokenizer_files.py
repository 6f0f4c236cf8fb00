"""The tokenizer of a base model: its files, taken over unchanged, and its special token ids."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transformers import AutoTokenizer

from ctr_train.checkpoint import TOKENIZER_FILE
from ctr_train.errors import TrainError

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

COPIED_FILES = (TOKENIZER_FILE, "tokenizer_config.json", "special_tokens_map.json")

VOCABULARY_FILES = (
    TOKENIZER_FILE,
    *("vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model"),
)
"""At least one must be there: Transformers makes up an empty tokenizer where none is."""


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Token ids with a meaning. `unknown` is None where every text has a spelling."""

    cls: int
    sep: int
    pad: int
    unknown: int | None


def take_tokenizer(base_model: Path, folder: Path) -> SpecialIds:
    """Put the base model's tokenizer into `folder` and return its special ids.

    An existing `tokenizer.json` is copied byte for byte, because that file is what serves; only a
    model without one (a `vocab.txt` or a SentencePiece file alone) is converted.

    Raises:
        TrainError: the folder holds no tokenizer, or one without the tokens that a row needs.
    """
    loaded = _load(base_model)
    special = _special_ids(loaded)
    folder.mkdir(parents=True, exist_ok=True)
    if (base_model / TOKENIZER_FILE).is_file():
        for name in COPIED_FILES:
            if (base_model / name).is_file():
                shutil.copyfile(base_model / name, folder / name)
    else:
        loaded.save_pretrained(folder)
    if not (folder / TOKENIZER_FILE).is_file():
        raise TrainError(
            f"the tokenizer of {base_model} has no fast form (tokenizer.json), which serving needs"
        )
    return special


def _load(base_model: Path) -> PreTrainedTokenizerBase:
    if not any((base_model / name).is_file() for name in VOCABULARY_FILES):
        raise TrainError(f"{base_model} holds no tokenizer: no {', '.join(VOCABULARY_FILES)}")
    try:
        loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            str(base_model), local_files_only=True
        )
    except Exception as error:  # Transformers raises many kinds, down to its parsers' own
        raise TrainError(
            f"{base_model} holds no tokenizer that Transformers can load ({type(error).__name__})"
        ) from error
    return loaded


def _special_ids(loaded: PreTrainedTokenizerBase) -> SpecialIds:
    ids = {"cls": loaded.cls_token_id, "sep": loaded.sep_token_id, "pad": loaded.pad_token_id}
    missing = [name for name, value in ids.items() if value is None]
    if missing:
        raise TrainError(
            f"the tokenizer names no {', '.join(missing)} token: the base model is not BERT-type"
        )
    return SpecialIds(**ids, unknown=loaded.unk_token_id)
