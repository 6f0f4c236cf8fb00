"""What a person sees while a fit runs: notices, warnings, bars; all on stderr."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Reporter:
    """Tells a person how far the work is. Without a terminal: lines, no bars."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """Print one line that must not be overlooked."""
        self._console.print(f"warning: {text}", style="yellow", markup=False)

    @contextlib.contextmanager
    def bar(self, task: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar inside the block; yield a function that moves it on by so many units."""
        if not self._console.is_terminal:
            self.say(f"{task}: {total:,}")
            yield lambda _units: None
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            number = progress.add_task(task, total=total)
            yield lambda units: progress.advance(number, units)
