"""What a person sees while a bench runs: one line a step, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


class Progress:
    """Tells steps. Kept off stdout, which holds the results."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, sentence: str) -> None:
        """Tell one step, with the time of day."""
        self._console.log(sentence, highlight=False)
