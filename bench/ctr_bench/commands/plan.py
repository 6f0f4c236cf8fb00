"""`ctr-bench plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctr_bench.commands.options import (
    bench_options,
    candidates_option,
    flag_option,
    run_measurement,
    search_options,
    slo_option,
    trial_options,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.progress import Progress

PARTS = ("start", "queue", "callers", "cache", "loss")
BELOW_ONE = 0.99


@click.command()
@click.option(
    "--forecast",
    required=True,
    help="peak=1200 (pairs a second), peak=75rps (requests a second), or a CSV.",
)
@slo_option
@click.option(
    "--price",
    default=0.0,
    type=click.FloatRange(min=0),
    help="Of one replica for an hour, in any currency.  [default: no cost]",
)
@click.option(
    "--headroom",
    default=0.7,
    show_default=True,
    type=click.FloatRange(min=0, max=1, min_open=True),
    help="Share of a replica's goodput that the forecast may use; 1 is none left over.",
)
@click.option(
    "--failures",
    default=1,
    show_default=True,
    type=click.IntRange(0, 100),
    help="Replicas that may be away at the peak.",
)
@click.option(
    "--surge",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=1, max=100),
    help="So many times the peak is held too, then without headroom.",
)
@candidates_option
@search_options(1)
@click.option(
    "--goodput",
    default=0.0,
    type=click.FloatRange(min=0),
    help="Pairs a second of one replica at the SLO, from a sweep.  [default: measure it]",
)
@click.option(
    "--cache-share",
    "cache_shares",
    multiple=True,
    type=click.FloatRange(0, BELOW_ONE),
    help="Measure with so many requests seen before; several times.  [default: 0.5 0.9]",
)
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(PARTS),
    help="Leave this measurement out; several times.",
)
@click.option(
    "--verify/--no-verify",
    default=False,
    help="Run the planned replicas here, and one fewer. They share this machine's cores.",
)
@flag_option
@trial_options
@bench_options("plan")
def plan(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    forecast: str,
    slo: str,
    price: float,
    headroom: float,
    failures: int,
    surge: float,
    candidates: int,
    repeats: int,
    start: float,
    goodput: float,
    cache_shares: tuple[float, ...],
    without: tuple[str, ...],
    verify: bool,  # noqa: FBT001 -- click passes flags by name
    flags: tuple[str, ...],
    trial_requests: int,
    confirm_requests: int,
    bundle: Path,
    catalogue: Path | None,
    out: Path,
    seed: int,
) -> None:
    """Say how many replicas hold a forecast at an SLO, what they cost, and when to scale.

    replicas = max(ceil(peak / (goodput x headroom)) + failures, ceil(surge x peak / goodput))

    Goodput is measured here as `ctr-bench sweep` does, on a gateway without score cache: run it on
    the kind of machine that a replica gets. Also measured: the time until a new replica serves, one
    of two replicas killed under load, the queue at the planned load and at the knee, the score
    cache, and how throughput grows with callers. A forecast file has a header and lines like
    2026-11-27T18:00,1850: time (or seconds) and pairs_per_s or requests_per_s; each load lasts
    until the next line.

    With --verify, planned replicas run here under the peak behind the client's round robin, as many
    killed half-way as may fail; exit code 1 if that does not hold.

    \b
    Examples:
      ctr-bench plan --forecast peak=3000 --slo p99=100ms --price 0.35
      ctr-bench plan --forecast friday.csv --headroom 0.6 --failures 2 --surge 1.5
      ctr-bench plan --forecast peak=3000 --goodput 640 --without cache --without callers
      ctr-bench plan --forecast peak=500 --headroom 1 --failures 0 --verify \\
        --flag=--engine --flag=scripted-timed --flag=--scripted-token-s --flag=0.0001
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap

    def measure(progress: Progress) -> None:
        # Imported here so that --help does not wait for numpy, gRPC and the tokenizer.
        from ctr_bench.capacity import Policy  # noqa: PLC0415 -- see above
        from ctr_bench.forecast import read_forecast  # noqa: PLC0415 -- see above
        from ctr_bench.plan_order import PlanOrder  # noqa: PLC0415 -- see above
        from ctr_bench.planning import run_plan  # noqa: PLC0415 -- see above
        from ctr_bench.slo import Slo  # noqa: PLC0415 -- see above
        from ctr_bench.sweeping import Asked  # noqa: PLC0415 -- see above
        from ctr_bench.trial import Sizes  # noqa: PLC0415 -- see above

        order = PlanOrder(
            bundle=bundle,
            slo=Slo.parse(slo),
            forecast=read_forecast(forecast, candidates),
            policy=Policy(headroom, failures, surge),
            price=price,
            flags=flags,
            sizes=Sizes(trial_requests, confirm_requests),
            repeats=repeats,
            goodput_pairs_s=goodput,
            start=start,
            parts=frozenset(PARTS) - frozenset(without),
            cache_shares=cache_shares or (0.5, 0.9),
            verify=verify,
            seed=seed,
        )
        asked = Asked(bundle, None, flags, catalogue, candidates, seed)
        run_plan(asked, order, out, progress)

    run_measurement(measure)
