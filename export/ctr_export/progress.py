"""What a person sees while an export runs, on stderr."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ctr_service.clock import Clock


@contextlib.contextmanager
def steps(clock: Clock, console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """Yield a function that names the step that begins; each line says when it began.

    On a terminal the running step has a spinner; elsewhere there are lines only.
    """
    console = console or Console(stderr=True, highlight=False, soft_wrap=True)
    began_ns = clock.now_ns()
    with contextlib.ExitStack() as stack:
        status = stack.enter_context(console.status("starting")) if console.is_terminal else None

        def say(text: str) -> None:
            seconds = (clock.now_ns() - began_ns) / 1e9
            console.print(f"{seconds:6.1f} s  {text}", markup=False)
            if status is not None:
                status.update(text)

        yield say
