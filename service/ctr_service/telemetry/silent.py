"""Instruments that count nothing of what happens often, for a gateway without metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.telemetry.instruments import Instruments

if TYPE_CHECKING:
    from ctr_service.batcher.observer import BatchReport, DropCause
    from ctr_service.errors import Reason
    from ctr_service.types import Answer, Priority


class SilentInstruments(Instruments):
    """What nobody can read costs nothing: each call, each list and each batch is ignored."""

    def call_started(self, method: str) -> None:
        """Ignore it."""

    def call_finished(
        self, method: str, *, code: str, reason: Reason | None, seconds: float
    ) -> None:
        """Ignore it."""

    def caller_finished(self, caller: str, *, code: str) -> None:
        """Ignore it."""

    def caller_charged(self, caller: str, *, tokens: int) -> None:
        """Ignore it."""

    def answered(self, answer: Answer, *, slack_ns: int) -> None:
        """Ignore it."""

    def admitted(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:
        """Ignore it."""

    def refused(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:
        """Ignore it."""

    def dropped(self, *, rows: int, cause: DropCause) -> None:
        """Ignore it."""

    def finished(self, batch: BatchReport) -> None:  # noqa: ARG002 -- the observer's signature
        """Count the run all the same: Open Inference tells it."""
        self.batches_run += 1

    def load_changed(self, *, waiting_rows: int, waiting_tokens: int, running: int) -> None:
        """Ignore it."""

    def loop_lagged(self, seconds: float) -> None:
        """Ignore it."""
