"""`ctr-bench serving`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctr_bench.commands.options import bench_options, run_bench, trial_options
from ctr_bench.results import Results

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.progress import Progress

PARTS = ("saturated", "goodput", "light", "naive", "zipf")


@click.command()
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--closed-s", default=4.0, show_default=True, help="Of a closed loop; a repeat has four."
)
@trial_options
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(PARTS),
    help="Measure this part; may be given several times.  [default: all]",
)
@bench_options("serving")
def serving(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    repeats: int,
    closed_s: float,
    trial_requests: int,
    confirm_requests: int,
    only: tuple[str, ...],
    bundle: Path,
    catalogue: Path | None,
    out: Path,
    seed: int,
) -> None:
    """Measure goodput at the SLO against what the graph does with nothing around it.

    Each repeat: the raw bound (best thread layout and chunk size), the gateway saturated (closed
    loop) and at its highest Poisson rate whose p99 keeps the SLO with 99.9 % complete and
    undegraded answers, one caller alone, a naive service, and repeating traffic with the score
    cache. The SLO is 7.5 times one list's time at the bound. A trial has so many requests,
    so a slow machine takes longer: 15 to 40 minutes. Leave the machine alone.

    \b
    Examples:
      ctr-bench serving
      ctr-bench serving --repeats 1 --only saturated --only goodput
      ctr-bench serving --trial-requests 300 --confirm-requests 1000
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap

    def measure(progress: Progress, results: Results) -> None:
        # Imported here so that --help does not wait for numpy, gRPC and the engine.
        from ctr_bench.bound.rows import RowMaker, open_bundle  # noqa: PLC0415 -- see above
        from ctr_bench.catalogue import find_catalogue  # noqa: PLC0415 -- see above
        from ctr_bench.serving import ServingBench, ServingPlan  # noqa: PLC0415 -- see above
        from ctr_bench.trial import Sizes  # noqa: PLC0415 -- see above

        sizes = Sizes(trial_requests, confirm_requests)
        plan = ServingPlan(bundle, repeats, sizes, closed_s, frozenset(only or PARTS), seed)
        rows = RowMaker(open_bundle(bundle))
        ServingBench(plan, rows, find_catalogue(catalogue), progress, results).run()

    run_bench("serving", out, measure, Results())
