"""Building the model, and training it to the state with the lowest validation log loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import EarlyStoppingCallback, PrinterCallback, TrainingArguments

from ctr_train.click_model import ClickModel, add_lora, freeze, set_dropout, start_head
from ctr_train.losses import ClassWeight
from ctr_train.metrics import base_rate
from ctr_train.model import load_classifier
from ctr_train.position import ExaminationModel, first_guess
from ctr_train.soup import StateShelf
from ctr_train.trainer import VALIDATION_METRIC, ClickTrainer
from ctr_train.vocabulary import extend_embeddings
from ctr_train.watch import Watcher
from ctr_train.workfolder import step_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from ctr_service.clock import Clock
    from ctr_train.config import TrainConfig
    from ctr_train.examples import Examples
    from ctr_train.progress import Reporter
    from ctr_train.trainer import Task
    from ctr_train.workfolder import WorkFolder

AUTO_EPOCHS = ((2_000, 6), (5_000, 4), (20_000, 2), (100_000, 2))
"""Up to so many training rows: so many epochs; above all of them, one."""

LOG_POINTS = 100
ADAM_EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Trained:
    """What training gave.

    Attributes:
        classifier: the best state or average of states, with LoRA merged; it is what serves.
        examination: of each tie, float64 [ties]; None without a position model.
        history: Trainer's log: `step`, and `loss` or `eval_log_loss`.
        rows_per_second: training rows, validation passes included.
    """

    classifier: PreTrainedModel
    examination: NDArray[np.float64] | None
    history: list[dict[str, float]]
    rows_per_second: float


def resolve_epochs(asked: int | str, rows: int) -> int:
    """Return the number of epochs; "auto" gives small logs more, so that they make enough steps."""
    if isinstance(asked, int):
        return asked
    return next((epochs for most, epochs in AUTO_EPOCHS if rows <= most), 1)


def build_model(
    base_model: Path, examples: Examples, config: TrainConfig, vocabulary_size: int | None
) -> ClickModel:
    """Load the base model and make it ready to learn; seeds torch's global generator.

    Args:
        base_model: the folder of the base model.
        examples: the training split; sets where the head and the position model begin.
        config: options of the fit.
        vocabulary_size: of an extended vocabulary, else None.

    Raises:
        CheckpointError: the folder holds no model.
        TrainError: more layers are to be frozen than there are.
    """
    torch.manual_seed(config.seed)
    classifier = load_classifier(base_model)
    dropout = 0.0 if config.dropout is None and examples.tie is not None else config.dropout
    if dropout is not None:
        set_dropout(classifier, dropout)
    if vocabulary_size is not None:
        generator = torch.Generator().manual_seed(config.seed)
        extend_embeddings(classifier, vocabulary_size, generator)
    rate = base_rate(examples.target, examples.weight)
    examination = None
    if examples.tie is not None:
        guess = first_guess(examples.tie, examples.target, examples.weight)
        examination = ExaminationModel(guess)
        rate /= float((guess[examples.tie] * examples.weight).sum() / examples.weight.sum())
    start_head(classifier, min(max(rate, 1e-4), 1 - 1e-4))
    keep_words = vocabulary_size is not None
    if config.lora_rank:
        return ClickModel(
            add_lora(classifier, config.lora_rank, keep_words=keep_words), examination
        )
    if config.frozen_layers is not None:
        freeze(classifier, config.frozen_layers, keep_words=keep_words)
    return ClickModel(classifier, examination)


class Learner:
    """Trains until the epochs are over or validation stops improving; averages what was best."""

    def __init__(
        self, config: TrainConfig, work: WorkFolder, reporter: Reporter, clock: Clock
    ) -> None:
        """Make a learner.

        Args:
            config: options of the fit.
            work: holds the states; training goes on from `work.resume_from`.
            reporter: told how it goes.
            clock: measures rows a second.
        """
        self._config = config
        self._work = work
        self._reporter = reporter
        self._clock = clock

    def train(self, model: ClickModel, task: Task) -> Trained:
        """Train `model` in place and return its best state."""
        config, rows = self._config, len(task.train)
        epochs = resolve_epochs(config.epochs, rows)
        steps_an_epoch = math.ceil(rows / config.batch_size)
        with self._reporter.bar("training steps", steps_an_epoch * epochs) as advance:
            learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
            shelf = StateShelf(self._work.shelf, learning)
            watcher = Watcher(self._reporter, advance, self._clock, config.batch_size)
            trainer = ClickTrainer(
                model,
                _arguments(self._work.trainer, config, epochs, steps_an_epoch),
                task,
                shelf,
                [watcher, *_early_stopping(config)],
            )
            trainer.remove_callback(PrinterCallback)
            state = self._work.resume_from
            shelf.forget_after(step_of(state) if state else -1)
            trainer.train(resume_from_checkpoint=str(state) if state else None)
        self._average(trainer, shelf)
        model.to("cpu")
        examination = model.examination.examination() if model.examination is not None else None
        classifier = merged(model.classifier)
        return Trained(classifier, examination, _history(trainer), watcher.rows_per_second)

    def _average(self, trainer: ClickTrainer, shelf: StateShelf) -> None:
        """Average the best state, which the trainer has loaded, with other good ones."""
        best = trainer.state.best_metric
        if best is None:
            return
        states = shelf.stir(best, trainer.validation_loss)
        if states > 1:
            self._reporter.say(
                f"average of {states} states: validation log loss {trainer.validation_loss():.5f}"
            )


def merged(classifier: torch.nn.Module) -> PreTrainedModel:
    """Return the classifier with LoRA adapters, if any, folded into its weights."""
    plain: Any = classifier
    if hasattr(plain, "merge_and_unload"):
        plain = plain.merge_and_unload()
    plain.train(mode=False)
    model: PreTrainedModel = plain
    return model


def _arguments(
    folder: Path, config: TrainConfig, epochs: int, steps_an_epoch: int
) -> TrainingArguments:
    steps = steps_an_epoch * epochs
    between = max(1, math.ceil(steps_an_epoch / config.evaluations_an_epoch))
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=config.batch_size,
        num_train_epochs=epochs,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        adam_epsilon=ADAM_EPSILON,
        warmup_steps=math.ceil(steps * config.warmup_share),
        eval_strategy="steps",
        eval_steps=between,
        save_strategy="steps",
        save_steps=between,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model=VALIDATION_METRIC,
        greater_is_better=False,
        restore_callback_states_from_checkpoint=True,
        logging_steps=max(1, steps // LOG_POINTS),
        seed=config.seed,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=not torch.cuda.is_available(),
    )


def class_weight_of(config: TrainConfig, examples: Examples) -> ClassWeight:
    """Return the class weights that the options ask for."""
    if config.class_weight == "none":
        return ClassWeight()
    return ClassWeight.balanced(base_rate(examples.target, examples.weight))


def _early_stopping(config: TrainConfig) -> list[EarlyStoppingCallback]:
    if not config.early_stopping:
        return []
    return [EarlyStoppingCallback(early_stopping_patience=config.early_stopping)]


def _history(trainer: ClickTrainer) -> list[dict[str, float]]:
    kept = ("step", "loss", VALIDATION_METRIC)
    entries = [{k: float(v) for k, v in e.items() if k in kept} for e in trainer.state.log_history]
    return [entry for entry in entries if len(entry) > 1]
