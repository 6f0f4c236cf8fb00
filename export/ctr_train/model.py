"""Loading a BERT-type classifier with one logit from a local folder; never from a hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from ctr_train.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedConfig, PreTrainedModel

ATTENTION = "eager"
"""Short rows on a CPU: a training step is 30 % faster than with the fused kernel, whose backward
pass takes 28 % of it (28 tokens, batches of 32, heads of 32, bf16)."""

COUNT_FROM_PADDING = ("camembert", "data2vec-text", "longformer", "mpnet")
"""Model types, beside those named after RoBERTa, whose positions begin after the padding id."""

USUAL_POSITIONS = 512


def load_classifier(folder: Path) -> PreTrainedModel:
    """Load the encoder in `folder` with a head of one logit, float32, in evaluation mode.

    The head is drawn anew, from torch's global generator, where the folder holds none.

    Raises:
        CheckpointError: the folder holds no model that Transformers can load as a classifier.
    """
    try:
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            str(folder),
            num_labels=1,
            dtype=torch.float32,
            attn_implementation=ATTENTION,
            local_files_only=True,
        )
    except Exception as error:  # Transformers raises many kinds, down to its parsers' own
        raise CheckpointError(
            f"{folder} holds no BERT-type model that Transformers can load ({type(error).__name__})"
            "; it needs config.json and model.safetensors"
        ) from error
    model.train(mode=False)
    return model


def load_config(folder: Path) -> PreTrainedConfig:
    """Read a model's config alone.

    Raises:
        CheckpointError: the folder holds no config that Transformers can read.
    """
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # Transformers raises many kinds, down to its parsers' own
        raise CheckpointError(
            f"{folder / 'config.json'} is no model config that Transformers knows "
            f"({type(error).__name__})"
        ) from error
    return config


def uses_token_types(config: PreTrainedConfig) -> bool:
    """Say whether the model tells the first segment from the rest (BERT does, RoBERTa not)."""
    return int(getattr(config, "type_vocab_size", 0) or 0) > 1


def max_positions(config: PreTrainedConfig) -> int:
    """Return the longest row in tokens that the model has position embeddings for.

    RoBERTa and its kin count positions from the padding id + 1: so much of their table is lost.
    """
    positions = int(getattr(config, "max_position_embeddings", None) or USUAL_POSITIONS)
    if counts_from_padding(config):
        positions -= int(config.pad_token_id) + 1
    return positions


def counts_from_padding(config: PreTrainedConfig) -> bool:
    """Say whether the model's positions begin after its padding id (RoBERTa and its kin)."""
    return "roberta" in config.model_type or config.model_type in COUNT_FROM_PADDING
