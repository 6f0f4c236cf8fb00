"""The options of `ctr-bench run` -> a plan. Reads files; sends nothing."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_bench.access import access_of
from ctr_bench.arrivals import parse_arrivals
from ctr_bench.built import Wire
from ctr_bench.errors import BenchError
from ctr_bench.job import Job
from ctr_bench.lengths import EstimatedLengths
from ctr_bench.load_run import RunPlan
from ctr_bench.slo import Slo
from ctr_bench.source_options import open_source
from ctr_bench.workload_text import parse_priorities

if TYPE_CHECKING:
    from ctr_client.commands.connection import Connection


P99 = 99.0


def parse_slo_ms(text: str) -> float | None:
    """Read `p99=100ms`; None for an empty text.

    Raises:
        click.BadParameter: it is no such objective.
    """
    if not text:
        return None
    try:
        slo = Slo.parse(text)
    except BenchError as error:
        raise click.BadParameter(str(error), param_hint="--slo") from None
    if slo.percent != P99:
        raise click.BadParameter(f"a run is held against a p99, not {slo.name}", param_hint="--slo")
    return slo.limit_ms


def plan_of(connection: Connection, options: dict[str, object]) -> RunPlan:
    """Turn options into a plan; reads files, sends nothing."""
    given = Given(options)
    arrivals, callers = parse_arrivals(given.text("arrivals")), given.whole("callers")
    rate = given.number("rate")
    if not callers and arrivals.needs_rate and not rate:
        raise click.UsageError("give --rate (requests a second), or --callers for a closed loop")
    if (callers or not arrivals.needs_rate) and rate:
        raise click.UsageError("--rate has no meaning beside --callers, ramp or replay")
    if options["core"] is not None and given.whole("generators") > 1:
        raise click.UsageError("--core is for a single generator; several would share that CPU")
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
