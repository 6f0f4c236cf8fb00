"""What can go wrong offline. Messages name columns, counts and row numbers, never a value.

    read_log        raises LogError           (the log cannot be trained on)
    checkpoint      raises CheckpointError    (a folder is absent, incomplete or was changed)
    fit, evaluate   raise TrainError          (options or data do not fit together)

A command turns each into one sentence on stderr and exit code 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class TrainError(Exception):
    """Base of every offline error."""


class LogError(TrainError):
    """A click log cannot be read or must not be trained on.

    Attributes:
        problems: one sentence each; all that were found, not only the first.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        lines = self.problems
        if len(lines) > 1:
            lines = (f"{len(lines)} problems:", *(f"- {problem}" for problem in lines))
        super().__init__("\n".join(lines))


class CheckpointError(TrainError):
    """A checkpoint folder is absent, incomplete or was changed."""
