"""Hugging Face's Trainer with the click loss, batches by length, and validation by log loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from transformers import Trainer

from ctr_train.examples import ExampleCollator, ExampleDataset
from ctr_train.losses import click_loss
from ctr_train.metrics import log_loss
from ctr_train.parallel import Workers
from ctr_train.platt import platt_map
from ctr_train.precision import autocast
from ctr_train.sampler import LengthBatchSampler
from ctr_train.scorer import TorchScorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import TrainerCallback, TrainingArguments

    from ctr_train.click_model import ClickModel
    from ctr_train.collate import RowCollator
    from ctr_train.examples import Examples
    from ctr_train.losses import ClassWeight
    from ctr_train.soft_targets import SoftTargets
    from ctr_train.soup import StateShelf

VALIDATION_METRIC = "eval_log_loss"
NO_MODEL_INPUTS = ("target", "weight", "teacher")
EXAMINATION_LEARNING_RATE = 0.03
"""A handful of free numbers move by this much a step; the encoder's rate would leave them still."""

WORD_RATE_FACTOR = 10.0
"""New words start from noise and must travel further than trained ones."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learnt.

    Attributes:
        train: rows to learn from.
        validation: rows that decide which state is best.
        collator: pads rows to tensors.
        precision: "bf16" or "fp32".
        class_weight: weights of clicks and non-clicks in the loss.
        new_words: the vocabulary was extended, so word embeddings learn faster.
        soft_targets: how the teacher's logits of `train` join the loss; None without a teacher.
    """

    train: Examples
    validation: Examples
    collator: RowCollator
    precision: str
    class_weight: ClassWeight
    new_words: bool
    soft_targets: SoftTargets | None = None


class EpochLoader(DataLoader[Any]):
    """A loader that draws new batches for each epoch; Trainer looks for `set_epoch`."""

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of an epoch."""
        if isinstance(self.batch_sampler, LengthBatchSampler):
            self.batch_sampler.set_epoch(epoch)


class ClickTrainer(Trainer):
    """Trains a ClickModel on examples and validates by log loss at each row's own position."""

    def __init__(
        self,
        model: ClickModel,
        args: TrainingArguments,
        task: Task,
        shelf: StateShelf,
        callbacks: Sequence[TrainerCallback],
    ) -> None:
        self._click_model = model
        self._task = task
        self._workers = None if _drops(model) else Workers.for_device(args.device)
        self._learning = [p for p in model.parameters() if p.requires_grad]
        self._shelf = shelf
        super().__init__(
            model=model,
            args=args,
            data_collator=ExampleCollator(task.train, task.collator),
            train_dataset=ExampleDataset(task.train),
            eval_dataset=ExampleDataset(task.validation),
            callbacks=list(callbacks),
        )

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return a loader of batches of like length."""
        sampler = LengthBatchSampler(
            self._task.train.lengths,
            batch_size=self.args.per_device_train_batch_size,
            seed=self.args.seed,
        )
        return EpochLoader(
            ExampleDataset(self._task.train),
            batch_sampler=sampler,
            collate_fn=self.data_collator,
        )

    def training_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor | Any],
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Set the gradients of a batch, its rows dealt out to the workers; return its loss.

        With dropout there is one worker, PyTorch's own: several would draw in no fixed order.
        """
        if self._workers is None:
            return super().training_step(model, inputs, num_items_in_batch)
        model.train()
        batch = self._prepare_inputs(inputs)

        def loss_of(part: slice) -> torch.Tensor:
            loss: torch.Tensor = self.compute_loss(model, {k: v[part] for k, v in batch.items()})
            return loss

        loss = self._workers.add_gradients(len(batch["target"]), loss_of, self._learning)
        return torch.tensor(loss, device=self.args.device)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor | Any],
        return_outputs: bool = False,  # noqa: FBT001, FBT002 -- Trainer's signature
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:  # noqa: ANN401 -- Trainer's signature
        """Return the weighted cross-entropy of a batch at each row's position.

        With a teacher it is mixed with how far the model is from what the teacher says.
        """
        del return_outputs, num_items_in_batch
        features = {k: v for k, v in inputs.items() if k not in NO_MODEL_INPUTS}
        with autocast(self._task.precision, self.args.device):
            log_yes, log_no, logit = model(**features)
        clicks = click_loss(
            log_yes,
            log_no,
            target=inputs["target"],
            weight=inputs["weight"],
            class_weight=self._task.class_weight,
        )
        if self._task.soft_targets is None:
            return clicks
        return self._task.soft_targets.mix(clicks, logit, inputs["teacher"])

    def evaluate(self, *_args: object, **_kwargs: object) -> dict[str, float]:
        """Return the validation log loss an impression, and tell the callbacks.

        It is taken after Platt's map, as the exporter calibrates whatever is kept: a state that
        ranks better but is too sure of itself must not lose to one that ranks worse.
        """
        loss = self.validation_loss()
        self._shelf.keep(self.state.global_step, loss)
        metrics = {VALIDATION_METRIC: loss}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def validation_loss(self) -> float:
        """Return the validation log loss of the model as it is, after Platt's map."""
        task, model = self._task, self._click_model
        scorer = TorchScorer(model.classifier, task.collator, precision=task.precision)
        logits = scorer.logits(task.validation.rows)
        target, weight = task.validation.target, task.validation.weight
        examined = np.ones(len(logits))
        if model.examination is not None and task.validation.tie is not None:
            examined = model.examination.examination()[task.validation.tie]
        fitted = platt_map(logits, target=target, weight=weight, examined=examined)
        return log_loss(target, examined * fitted.apply(logits), weight)

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """Return AdamW: matrices decay, vectors do not, the position model has its own rate."""
        if self.optimizer is None:
            groups = self._parameter_groups(model or self._click_model)
            on_cpu = self.args.device.type == "cpu"
            self.optimizer = torch.optim.AdamW(groups, lr=self.args.learning_rate, fused=on_cpu)
        return self.optimizer

    def _parameter_groups(self, model: torch.nn.Module) -> list[dict[str, Any]]:
        rate, decay = self.args.learning_rate, self.args.weight_decay
        kinds: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            own_rate, own_decay = rate, decay if parameter.ndim > 1 else 0.0
            if name.startswith("examination."):
                own_rate = EXAMINATION_LEARNING_RATE
            elif self._task.new_words and "word_embeddings" in name:
                own_rate, own_decay = rate * WORD_RATE_FACTOR, 0.0
            kinds.setdefault((own_rate, own_decay), []).append(parameter)
        return [
            {"params": parameters, "lr": own_rate, "weight_decay": own_decay}
            for (own_rate, own_decay), parameters in kinds.items()
        ]


def _drops(model: torch.nn.Module) -> bool:
    return any(isinstance(module, torch.nn.Dropout) and module.p > 0 for module in model.modules())
