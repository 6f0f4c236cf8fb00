"""Telling a person how training goes: a bar, validation figures, and early on an estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from ctr_train.trainer import VALIDATION_METRIC

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import TrainerControl, TrainerState, TrainingArguments

    from ctr_service.clock import Clock
    from ctr_train.progress import Reporter

ESTIMATE_AFTER_STEPS = 20
LONG_S = 15 * 60.0
NS = 1e-9


class Watcher(TrainerCallback):
    """Advances a bar a step, reports validation, and warns when the run will take long."""

    def __init__(
        self, reporter: Reporter, advance: Callable[[int], None], clock: Clock, rows: int
    ) -> None:
        """Make a watcher.

        Args:
            reporter: prints.
            advance: moves the bar on by so many steps.
            clock: measures rows a second.
            rows: rows a step.
        """
        self._reporter = reporter
        self._advance = advance
        self._clock = clock
        self._rows = rows
        self._began_ns = 0
        self._first_step = 0
        self.rows_per_second = 0.0

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 -- Trainer's signature
    ) -> None:
        """Note where the run begins, which is not step 0 when it resumes."""
        del args, control, kwargs
        self._began_ns = self._clock.now_ns()
        self._first_step = state.global_step
        self._advance(state.global_step)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 -- Trainer's signature
    ) -> None:
        """Move the bar; after 20 steps say how long the rest will take."""
        del args, control, kwargs
        self._advance(1)
        steps = state.global_step - self._first_step
        seconds = (self._clock.now_ns() - self._began_ns) * NS
        self.rows_per_second = steps * self._rows / max(seconds, NS)
        if steps == ESTIMATE_AFTER_STEPS:
            self._estimate((state.max_steps - state.global_step) * seconds / steps)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 -- Trainer's signature
    ) -> None:
        """Report the validation log loss."""
        del args, control
        metrics: dict[str, float] = kwargs["metrics"]
        self._reporter.say(
            f"step {state.global_step:,} of {state.max_steps:,} (epoch {state.epoch or 0:.2f}): "
            f"validation log loss {metrics[VALIDATION_METRIC]:.5f}, "
            f"{self.rows_per_second:.0f} rows/s"
        )

    def _estimate(self, seconds: float) -> None:
        text = (
            f"training takes about {seconds / 60:.1f} min more at {self.rows_per_second:.0f} rows/s"
        )
        if seconds <= LONG_S:
            self._reporter.say(text)
            return
        self._reporter.warn(f"{text}; --epochs 1, --freeze embeddings or a smaller log shorten it")
