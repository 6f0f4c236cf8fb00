"""What can go wrong in an export.

    build       raises ExportError       (options, held-out rows or model do not fit)
                raises GateFailedError   (no graph may be served; nothing was written)
    checkpoint  raises ctr_train.errors.CheckpointError
    inspect     raises ctr_service.errors.BundleError

A command turns each into one sentence on stderr and exit code 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ExportError(Exception):
    """Base of every exporter error."""


class GateFailedError(ExportError):
    """The gate refused what must pass, so no bundle was written.

    Attributes:
        failures: candidate name -> what failed, a sentence each.
    """

    def __init__(self, message: str, failures: Mapping[str, Sequence[str]]) -> None:
        self.failures = {name: tuple(sentences) for name, sentences in failures.items()}
        lines = [f"- {name}: {sentence}" for name, own in failures.items() for sentence in own]
        super().__init__("\n".join((message, *lines)))
