"""Claims about what a person sees while an export runs."""

from __future__ import annotations

import io

from rich.console import Console

from ctr_export.progress import steps
from ctr_service.clock import ManualClock


def test_each_step_is_a_line_with_its_time() -> None:
    """Without a terminal every step is one line that says when it began, markup left alone."""
    clock, text = ManualClock(5_000), io.StringIO()
    with steps(clock, Console(file=text, width=80)) as say:
        say("exporting [the] graph")
        clock.advance_ns(1_500_000_000)
        say("judging fp32")
    assert text.getvalue().splitlines() == [
        "   0.0 s  exporting [the] graph",
        "   1.5 s  judging fp32",
    ]


def test_a_terminal_shows_the_running_step() -> None:
    """On a terminal the step that runs is shown with a spinner until the work ends."""
    text = io.StringIO()
    console = Console(file=text, width=80, force_terminal=True)
    with steps(ManualClock(), console) as say:
        say("judging fp32")
    assert "judging fp32" in text.getvalue()
    assert "\x1b[?25h" in text.getvalue(), "the cursor is shown again"
