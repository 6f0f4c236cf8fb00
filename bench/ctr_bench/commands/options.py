"""Options that the benches share, and the way each of them ends."""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

from ctr_bench.errors import BenchError
from ctr_bench.keeping import STOPPED, partial_of
from ctr_bench.progress import Progress
from ctr_bench.results import write_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ctr_bench.results import Results

_FunctionT = TypeVar("_FunctionT", bound="Callable[..., Any]")
_ResultT = TypeVar("_ResultT")
_ResultsT = TypeVar("_ResultsT", bound="Results")

DEFAULT_BUNDLE = Path("build/demo/bundle")
OUT = Path("build/bench")
LOG_WIDTH = 200


def bench_options(name: str) -> Callable[[_FunctionT], _FunctionT]:
    """Give a command `--bundle`, `--catalogue`, `--seed` and `--out`."""

    def add(function: _FunctionT) -> _FunctionT:
        for option in (
            click.option("--seed", default=0, show_default=True, help="Of traffic and schedule."),
            click.option(
                "--out",
                type=click.Path(dir_okay=False, path_type=Path),
                default=OUT / f"{name}.json",
                show_default=True,
                help="Where the figures go.",
            ),
            click.option(
                "--catalogue",
                type=click.Path(dir_okay=False, path_type=Path),
                help="CSV of titles (column name, item_title or title).  [default: the shared "
                "catalogue, else the demo's log, else made-up words]",
            ),
            click.option(
                "--bundle",
                type=click.Path(path_type=Path),
                default=DEFAULT_BUNDLE,
                show_default=True,
                help="The bundle to serve.",
            ),
        ):
            function = option(function)
        return function

    return add


def trial_options(function: _FunctionT) -> _FunctionT:
    """Give a command `--trial-requests` and `--confirm-requests`."""
    for name, requests, what in (
        ("--confirm-requests", 1_500, "Requests of the trial that confirms the answer."),
        ("--trial-requests", 500, "Requests of a trial of the search; 500 decide a p99 by five."),
    ):
        function = click.option(
            name, default=requests, show_default=True, type=click.IntRange(min=1), help=what
        )(function)
    return function


def slo_option(function: _FunctionT) -> _FunctionT:
    """Give a command `--slo`, a text for `Slo.parse`."""
    return click.option(
        "--slo", default="p99=100ms", show_default=True, help="Percentile and its limit."
    )(function)


def candidates_option(function: _FunctionT) -> _FunctionT:
    """Give a command `--candidates`."""
    return click.option(
        "--candidates",
        default=16,
        show_default=True,
        type=click.IntRange(1, 1000),
        help="Items a list.",
    )(function)


def search_options(repeats: int) -> Callable[[_FunctionT], _FunctionT]:
    """Give a command `--repeats`, by default so many, and `--start`."""

    def add(function: _FunctionT) -> _FunctionT:
        for option in (
            click.option(
                "--start",
                default=0.0,
                type=click.FloatRange(min=0),
                help="First rate in requests a second.  [default: half of what a closed loop gets]",
            ),
            click.option(
                "--repeats",
                default=repeats,
                show_default=True,
                type=click.IntRange(min=1),
                help="Searches; their median counts.",
            ),
        ):
            function = option(function)
        return function

    return add


def flag_option(function: _FunctionT) -> _FunctionT:
    """Give a command `--flag`, as `flags`."""
    return click.option(
        "--flag", "flags", multiple=True, help="A further word for `ctr-service serve`."
    )(function)


def progress_console() -> Console:
    """Write to stderr; a log file gets whole lines, a terminal what fits."""
    console = Console(stderr=True, log_path=False)
    return console if console.is_terminal else Console(stderr=True, log_path=False, width=LOG_WIDTH)


def run_bench(
    title: str, out: Path, measure: Callable[[Progress, _ResultsT], None], results: _ResultsT
) -> _ResultsT:
    """Measure, print the table and write the JSON.

    What Ctrl-C ends goes to `NAME.partial.json`; the last whole result stays, and the next one
    removes it.

    Args:
        title: of the table.
        out: where it goes, `NAME.json`.
        measure: fills the results as it goes.
        results: empty ones.

    Raises:
        click.ClickException: the bench cannot go on, or its file cannot be written.
        SystemExit: 130 after Ctrl-C.
    """
    aside = partial_of(out)
    try:
        run_measurement(lambda progress: measure(progress, results))
    except (KeyboardInterrupt, SystemExit):  # SIGTERM arrives as the latter
        if results.values:
            results.facts["partial"] = True
            with _told_to_people():
                write_results(results, aside)
            click.echo(f"stopped; what was found so far is in {aside}", err=True)
        raise SystemExit(STOPPED) from None
    with _told_to_people():
        write_results(results, out)
    aside.unlink(missing_ok=True)
    console = Console()
    console.print(results.table(title))
    for name, fact in results.facts.items():
        console.print(f"{name}: {fact}", highlight=False)
    console.print(f"written to {out}", highlight=False)
    return results


def run_measurement(measure: Callable[[Progress], _ResultT]) -> _ResultT:
    """Call what measures, with the progress that people see.

    Raises:
        click.ClickException: it cannot go on; the message says why.
    """
    # SIGTERM as an exception, so that the servers that were started are stopped.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    # A script's background job begins with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with _told_to_people():
        return measure(Progress(progress_console()))


@contextlib.contextmanager
def _told_to_people() -> Iterator[None]:
    try:
        yield
    except BenchError as error:
        raise click.ClickException(str(error)) from None
