"""`ctr-bench run`."""

from __future__ import annotations

import re
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_client.commands.connection import Connection, connection_options

if TYPE_CHECKING:
    from types import FrameType

    from ctr_bench.load_run import Outcome, RunPlan

RUNS = Path("build/bench/runs")
INVALID, STOPPED = 3, 130
_SLO = re.compile(r"^p99=(\d+(?:\.\d+)?)(ms|s)$")


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
    a target that does not serve, 2 an option that is wrong: then nothing is written.

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

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        outcome = execute(_plan(connection, options), Progress(progress_console()))
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


def parse_slo_ms(text: str) -> float | None:
    """Read `p99=100ms`; None for an empty text.

    Raises:
        click.BadParameter: it is no such objective.
    """
    if not text:
        return None
    found = _SLO.match(text)
    if found is None or float(found[1]) == 0:
        raise click.BadParameter("must be written p99=100ms or p99=0.1s", param_hint="--slo")
    return float(found[1]) * (1e3 if found[2] == "s" else 1.0)


def _plan(connection: Connection, options: dict[str, object]) -> RunPlan:
    """Turn options into a plan; reads files, sends nothing."""
    from ctr_bench.access import access_of  # noqa: PLC0415 -- loads gRPC; --help needs none
    from ctr_bench.arrivals import parse_arrivals  # noqa: PLC0415 -- loads numpy
    from ctr_bench.built import Wire  # noqa: PLC0415 -- the same
    from ctr_bench.job import Job  # noqa: PLC0415 -- the same
    from ctr_bench.lengths import EstimatedLengths  # noqa: PLC0415 -- the same
    from ctr_bench.load_run import RunPlan  # noqa: PLC0415 -- the same
    from ctr_bench.source_options import open_source  # noqa: PLC0415 -- the same
    from ctr_bench.workload_text import parse_priorities  # noqa: PLC0415 -- the same

    given = Given(options)
    arrivals, callers = parse_arrivals(given.text("arrivals")), given.whole("callers")
    rate = given.number("rate")
    if not callers and arrivals.needs_rate and not rate:
        raise click.UsageError("give --rate (requests a second), or --callers for a closed loop")
    if (callers or not arrivals.needs_rate) and rate:
        raise click.UsageError("--rate has no meaning beside --callers, ramp or replay")
    default_s = 0.0 if arrivals.kind == "replay" and not callers else 30.0
    job = Job(
        target=connection.target,
        deadline_s=given.whole("deadline_ms") / 1e3,
        callers=callers,
        seconds=given.number("seconds") or default_s,
        warm_up=given.whole("warm_up"),
        core=options["core"] if isinstance(options["core"], int) else None,
        protocol=options["protocol"],  # type: ignore[arg-type]  # -- one of click's two choices
        connections=given.whole("connections"),
        access=access_of(connection),
    )
    bundle = options["bundle"]
    rows = None
    if isinstance(bundle, Path):
        from ctr_bench.bound.rows import RowMaker, open_bundle  # noqa: PLC0415 -- loads the engine

        rows = RowMaker(open_bundle(bundle))
    priorities = given.text("priority")
    wire = Wire(
        job.protocol,
        given.text("model"),
        parse_priorities(priorities) if priorities else None,
        counted=rows is not None,
    )
    return RunPlan(
        runs=Path(given.text("out")),
        name=given.text("name") or datetime.now().astimezone().strftime("%Y%m%d-%H%M%S"),
        command=["ctr-bench", *sys.argv[1:]],
        job=job,
        arrivals=arrivals,
        source=open_source(options),
        wire=wire,
        rate=rate,
        slo_ms=parse_slo_ms(given.text("slo")),
        generators=given.whole("generators"),
        seed=given.whole("seed"),
        lengths=rows or EstimatedLengths(),
        features=rows.features if rows else None,
    )


class Given:
    """Options by name, as the types that click made them; an absent one is 0 or empty."""

    def __init__(self, options: dict[str, object]) -> None:
        self._options = options

    def text(self, name: str) -> str:
        """Return a text."""
        return str(self._options[name] or "")

    def number(self, name: str) -> float:
        """Return a number."""
        return float(self.text(name) or 0)

    def whole(self, name: str) -> int:
        """Return a whole number."""
        return int(self.text(name) or 0)


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
