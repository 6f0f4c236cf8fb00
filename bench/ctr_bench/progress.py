"""What a person sees while a bench runs: one line a step, on stderr."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ctr_bench.figures import CODE_NAMES
from ctr_bench.live import LiveFigures
from ctr_bench.record import OK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.status import Status

    from ctr_bench.live import Seen

LOOK_EVERY_S = 1.0
LINE_EVERY_S = 5.0
"""A log file gets a line this often; a terminal's line changes every second."""


class Progress:
    """Tells steps. Kept off stdout, which holds the results."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, sentence: str) -> None:
        """Tell one step, with the time of day."""
        self._console.log(sentence, highlight=False)

    @contextlib.contextmanager
    def live(self, slo_ms: float | None) -> Iterator[LiveLine]:
        """Show a run while it lasts: one changing line on a terminal, lines elsewhere."""
        if self._console.is_terminal:
            with self._console.status("connecting") as status:
                yield LiveLine(self, LiveFigures(slo_ms), status)
        else:
            yield LiveLine(self, LiveFigures(slo_ms), None)


class LiveLine:
    """Takes what generators hand over and shows it."""

    def __init__(self, progress: Progress, figures: LiveFigures, status: Status | None) -> None:
        self._progress = progress
        self._figures = figures
        self._status = status
        self._looked_s = 0.0
        self._said_s = 0.0

    def watch(self, at_s: float, drained: str) -> None:
        """Take one generator's answers of about a second."""
        self._figures.add(drained)
        if at_s - self._looked_s < LOOK_EVERY_S / 2:
            return  # another generator of the same second
        self._looked_s = at_s
        line = line_of(self._figures.seen(at_s))
        if self._status is not None:
            self._status.update(line)
        elif at_s - self._said_s >= LINE_EVERY_S:
            self._said_s = at_s
            self._progress.say(line)


def line_of(seen: Seen) -> str:
    """Draw the run so far."""
    errors = ", ".join(
        f"{CODE_NAMES.get(code, code)} {count}"
        for code, count in sorted(seen.codes.items())
        if code != OK
    )
    return (
        f"{seen.at_s:.0f} s: {seen.requests:,} answers, p50 {seen.p50_ms:.1f} ms, "
        f"p99 {seen.p99_ms:.1f} ms, goodput {seen.goodput_pairs_s:,.0f} pairs/s"
        + (f", {errors}" if errors else "")
    )
