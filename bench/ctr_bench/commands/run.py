"""`ctr-bench run`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_client.commands.connection import Connection, connection_options

if TYPE_CHECKING:
    from types import FrameType

    from ctr_bench.load_run import Outcome

RUNS = Path("build/bench/runs")
INVALID, STOPPED = 3, 130


@click.command()
@connection_options
@click.option(
    "--protocol",
    type=click.Choice(["ctr.v1", "open-inference"]),
    default="ctr.v1",
    show_default=True,
    help="open-inference is KServe v2 over gRPC.",
)
@click.option("--model", default="", help="Refuse to be answered by another model than this.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Requests a second.")
@click.option(
    "--arrivals",
    default="poisson",
    show_default=True,
    help="poisson | constant | burst:every=S,length=S,times=X (X times --rate in the last `length` "
    "seconds of each `every`) | ramp:A..B (requests/s, no --rate) | diurnal:period=S,low=SHARE "
    "(--rate is the peak) | replay:FILE[,speed=X] (a line a request, seconds) | replay[:speed=X] "
    "(the times of the request log).",
)
@click.option(
    "--callers",
    type=click.IntRange(min=1),
    help="A closed loop instead: so many callers, each with one request at a time. It finds the "
    "most that a server does; its latencies hide stalls.",
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="How long.  [default: 30]")
@click.option(
    "--workload",
    default="synthetic",
    show_default=True,
    help="synthetic (from --catalogue) | csv:FILE (columns query, title) | log:FILE (JSON Lines: "
    "at_s, query, candidates ...; see docs/planner.md).",
)
@click.option(
    "--candidates",
    default="16",
    show_default=True,
    help="List sizes: 16, 10..100 (evenly) or 16=0.7,64=0.3 (by share). Of a CSV: the longest.",
)
@click.option("--zipf", default=1.0, show_default=True, help="Exponent of repeating searches.")
@click.option("--pool", default=1000, show_default=True, help="Searches that repeat.")
@click.option(
    "--cold",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of searches that nobody sent before, so that no score is cached.",
)
@click.option("--pair-tokens", default="10..45", show_default=True, help="Bounds of a pair.")
@click.option(
    "--catalogue",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV of titles (column name, item_title or title).  [default: the shared catalogue, else "
    "the demo's log, else made-up words]",
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    help="Count tokens by this bundle's tokenizer.  [default: estimate them]",
)
@click.option(
    "--priority", default="", help="interactive, bulk, or shares: interactive=0.9,bulk=0.1."
)
@click.option("--deadline-ms", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--slo", default="", help="What good means: p99=100ms.  [default: the deadline]")
@click.option("--generators", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option(
    "--connections",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Of each generator; a connection stays with one worker of the server.",
)
@click.option("--warm-up", default=0, show_default=True, help="Requests before, unrecorded.")
@click.option("--core", type=int, help="The CPU that a single generator stays on.")
@click.option("--seed", default=0, show_default=True, help="Of traffic and schedule.")
@click.option("--name", default="", help="Of the run's folder.  [default: date and time]")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=RUNS,
    show_default=True,
    help="Folder of all runs.",
)
def run(*, connection: Connection, **options: object) -> None:
    """Load a server and keep every request: build/bench/runs/NAME/rows.parquet and run.json.

    By default an open loop: requests are sent by the schedule, whatever the server does, and
    latency counts from the scheduled time, so a stall shows in all requests that were due in it.
    Goodput counts complete, undegraded answers within the SLO.

    Exit code 0 is a valid run; 3 one whose generator was too late or too busy to mean anything (it
    says why, and what to do); 130 one that Ctrl-C ended: its rows so far are kept and marked. 1 is
    a target that does not serve, 2 an option, or a file that it names, that is wrong: then nothing
    is written.

    \b
    Examples:
      ctr-bench run --rate 50 --seconds 60 --slo p99=100ms
      ctr-bench run --arrivals ramp:20..200 --seconds 120 --cold 0.4
      ctr-bench run --rate 40 --arrivals burst:every=20,length=2,times=5
      ctr-bench run --callers 16 --seconds 20
      ctr-bench run --workload log:requests.jsonl --arrivals replay:speed=2
      ctr-bench run --protocol open-inference --rate 20 --priority interactive=0.9,bulk=0.1
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    # Imported here so that --help does not wait for numpy, gRPC and pyarrow.
    from ctr_bench.commands.options import progress_console  # noqa: PLC0415 -- see above
    from ctr_bench.errors import BenchError  # noqa: PLC0415 -- see above
    from ctr_bench.load_run import execute  # noqa: PLC0415 -- see above
    from ctr_bench.progress import Progress  # noqa: PLC0415 -- see above
    from ctr_bench.run_options import plan_of  # noqa: PLC0415 -- see above

    # Both: a script's background job begins with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        try:
            plan = plan_of(connection, options)  # sends nothing: what is wrong here is an option
        except BenchError as error:
            raise click.UsageError(str(error)) from None
        outcome = execute(plan, Progress(progress_console()))
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        click.echo("stopped before the first answer; nothing is written", err=True)
        raise SystemExit(STOPPED) from None
    _tell(outcome)
    if outcome.partial:
        raise SystemExit(STOPPED)
    if not outcome.valid:
        raise SystemExit(INVALID)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _tell(outcome: Outcome) -> None:
    from rich.console import Console  # noqa: PLC0415 -- --help needs none

    from ctr_bench.run_text import run_table  # noqa: PLC0415 -- the same

    console = Console()
    console.print(run_table(outcome.content))
    if outcome.partial:
        console.print("partial: stopped before its end", highlight=False)
    for reason in outcome.content["invalid_reasons"]:  # type: ignore[attr-defined]  # -- a list by load_run
        console.print(f"invalid: {reason}", highlight=False, soft_wrap=True)
    console.print(f"written to {outcome.folder}", highlight=False, soft_wrap=True)
