"""The word embedding of a model: which vectors its config needs, and dropping the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ctr_train.model import counts_from_padding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedConfig, PreTrainedModel

FLOAT_BYTES = 4
CONFIG_IDS = tuple(
    f"{name}_token_id" for name in ("pad", "bos", "eos", "cls", "sep", "unk", "mask")
)
"""Where a model's config may name tokens."""


def table_shape(model: PreTrainedModel) -> tuple[int, int]:
    """Return rows and width of the word embedding."""
    rows, width = _embedding(model).weight.shape
    return rows, width


def ids_of_config(model: PreTrainedModel) -> set[int]:
    """Return the token ids that the model's own code knows, as far as it has vectors for them.

    Where positions are counted from the padding id, that id must not move: all ids up to it stay.
    """
    config = model.config
    known = set(_config_ids(config).values())
    if counts_from_padding(config):
        known |= set(range(int(config.pad_token_id) + 1))
    return known & set(range(table_shape(model)[0]))


def trim_model(model: PreTrainedModel, new_ids: Mapping[int, int]) -> None:
    """Keep the vectors of the ids in `new_ids`, in place, the config's ids and size with them.

    Args:
        model: float32.
        new_ids: old id -> new id, dense, in the old order; holds all `ids_of_config`.
    """
    old = _embedding(model)
    padding = old.padding_idx
    kept = old.weight.detach()[sorted(new_ids)].clone()
    embedding = torch.nn.Embedding(
        len(kept),
        kept.shape[1],
        padding_idx=None if padding is None else new_ids[padding],
        _weight=kept,
    )
    model.set_input_embeddings(embedding)
    model.config.vocab_size = len(kept)
    for name, number in _config_ids(model.config).items():
        if number in new_ids:
            setattr(model.config, name, new_ids[number])


def _embedding(model: PreTrainedModel) -> torch.nn.Embedding:
    embedding: Any = model.get_input_embeddings()
    found: torch.nn.Embedding = embedding
    return found


def _config_ids(config: PreTrainedConfig) -> dict[str, int]:
    values = {name: getattr(config, name, None) for name in CONFIG_IDS}
    return {name: value for name, value in values.items() if isinstance(value, int)}
