"""What is trained: the classifier that will serve and, beside it, the position model."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import torch

from ctr_train.errors import TrainError
from ctr_train.losses import log_click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedModel

    from ctr_train.position import ExaminationModel

LORA_ALPHA_A_RANK = 2
LORA_DROPOUT = 0.05


class ClickModel(torch.nn.Module):
    """A classifier with one logit, P(click | examined), and an optional position model."""

    def __init__(self, classifier: torch.nn.Module, examination: ExaminationModel | None) -> None:
        super().__init__()
        self.classifier = classifier
        self.examination = examination

    def forward(
        self, tie: torch.Tensor | None = None, **inputs: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return log P(click) and log P(no click) at each row's position, and the logit; [rows].

        The logit is that of P(click | examined), which knows no position; the others are float32.
        """
        logit = self.classifier(**inputs).logits[:, 0]
        if self.examination is None or tie is None:
            return (*log_click(logit), logit)
        return (*log_click(logit, *self.examination(tie)), logit)

    @property
    def encoder(self) -> PreTrainedModel:
        """The classifier without its head, LoRA adapters left in place."""
        classifier: Any = self.classifier
        # peft's wrapper calls itself a base model of its own.
        classifier = (
            classifier.get_base_model() if hasattr(classifier, "peft_config") else classifier
        )
        encoder: PreTrainedModel = classifier.base_model
        return encoder


def set_dropout(model: PreTrainedModel, share: float) -> None:
    """Set every dropout of the model; it acts in training only."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share


def start_head(model: PreTrainedModel, rate: float) -> None:
    """Set the last bias to the log-odds of `rate`, so that training begins at the base rate."""
    head = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    last = next(module for module in reversed(head) if module.out_features == 1)
    with torch.no_grad():
        last.bias.fill_(math.log(rate / (1 - rate)))


def freeze(model: PreTrainedModel, layers: int, *, keep_words: bool) -> None:
    """Stop the embeddings and the first `layers` encoder layers from learning.

    Args:
        model: a BERT-type classifier.
        layers: how many; 0 for the embeddings alone.
        keep_words: word embeddings go on learning, because the vocabulary was extended.

    Raises:
        TrainError: the model has fewer layers, or none that can be told.
    """
    base = model.base_model
    stack = _layers(base, int(model.config.num_hidden_layers))
    if layers > len(stack):
        raise TrainError(f"freeze layers:{layers}: the base model has {len(stack)} layers")
    for frozen in (base.embeddings, *stack[:layers]):
        frozen.requires_grad_(requires_grad=False)
    if keep_words:
        model.get_input_embeddings().requires_grad_(requires_grad=True)


def keep_layers(model: PreTrainedModel, kept: Sequence[int]) -> None:
    """Drop every other encoder layer of a classifier, in place; kept ones keep order and weights.

    Raises:
        TrainError: the model's layers cannot be told apart.
    """
    stack = _layers(model.base_model, int(model.config.num_hidden_layers))
    for layer in reversed(range(len(stack))):
        if layer not in kept:
            del stack[layer]
    model.config.num_hidden_layers = len(stack)


def add_lora(model: PreTrainedModel, rank: int, *, keep_words: bool) -> torch.nn.Module:
    """Wrap every linear layer of the encoder with LoRA adapters; the head learns as a whole.

    Args:
        model: a BERT-type classifier; it is changed in place.
        rank: of the adapters; they are scaled by 2 (alpha = 2 * rank).
        keep_words: word embeddings go on learning, because the vocabulary was extended.
    """
    from peft import LoraConfig, TaskType, get_peft_model  # noqa: PLC0415 -- seconds, rarely needed

    config = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=rank,
        lora_alpha=LORA_ALPHA_A_RANK * rank,
        lora_dropout=LORA_DROPOUT,
        target_modules="all-linear",
    )
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5 for a property by its old name.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")
        wrapped: torch.nn.Module = get_peft_model(model, config)
    if keep_words:
        model.get_input_embeddings().requires_grad_(requires_grad=True)
    return wrapped


def _layers(encoder: torch.nn.Module, count: int) -> torch.nn.ModuleList:
    for module in encoder.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == count:
            return module
    raise TrainError("the model's layers cannot be told apart, so none can be frozen or dropped")
