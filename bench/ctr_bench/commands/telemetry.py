"""`ctr-bench telemetry`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctr_bench.commands.options import bench_options, run_bench
from ctr_bench.results import Results

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.progress import Progress

KINDS = ("absent", "hanging", "refusing", "slow")


@click.command()
@click.option(
    "--pairs",
    default=8,
    show_default=True,
    type=click.IntRange(min=1),
    help="Of telemetry against none.",
)
@click.option(
    "--rounds",
    default=15,
    show_default=True,
    type=click.IntRange(min=1),
    help="Turns of each kind of Collector.",
)
@click.option("--seconds", default=8.0, show_default=True, help="Of one load.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=click.Choice((*KINDS, "none")),
    help="A Collector that does not work; may be given several times.  [default: all]",
)
@click.option(
    "--zero-cost/--no-zero-cost", default=True, help="Around the engine without a model, too."
)
@click.option("--flag", "flags", multiple=True, help="A further word for `ctr-service serve`.")
@bench_options("telemetry")
def telemetry(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    pairs: int,
    rounds: int,
    seconds: float,
    faults: tuple[str, ...],
    zero_cost: bool,  # noqa: FBT001 -- click passes flags by name
    flags: tuple[str, ...],
    bundle: Path,
    catalogue: Path | None,
    out: Path,
    seed: int,
) -> None:
    """Measure the gateway with full telemetry against the same without.

    With: spans, span metrics, metrics scraped every 5 s, 1 % of traces sent to a Collector.
    Without: none of it, not even counters. `throughput_ratio` and `cpu_ratio` (CPU seconds a
    request) come from closed loops, `p99_ratio` from an open loop at half of capacity; each has an
    interval from a paired bootstrap. `p99_ratio_absent` and so on compare a Collector that is
    absent, hangs, refuses or is slow with one that answers, around an engine whose runs take
    10 ms each, so that the model's own noise hides nothing. `zero_cost_*` is the first comparison
    around an engine without a model, where telemetry has nothing to hide behind. 25 minutes.

    \b
    Examples:
      ctr-bench telemetry
      ctr-bench telemetry --pairs 2 --rounds 2 --seconds 2 --fault hanging --no-zero-cost
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap

    def measure(progress: Progress, results: Results) -> None:
        # Imported here so that --help does not wait for numpy, gRPC and the engine.
        from ctr_bench.bound.rows import RowMaker, open_bundle  # noqa: PLC0415 -- see above
        from ctr_bench.catalogue import find_catalogue  # noqa: PLC0415 -- see above
        from ctr_bench.telemetry import TelemetryBench, TelemetryPlan  # noqa: PLC0415 -- see above

        wanted = tuple(fault for fault in faults or KINDS if fault != "none")
        plan = TelemetryPlan(bundle, pairs, rounds, seconds, wanted, zero_cost, flags, seed)
        rows = RowMaker(open_bundle(bundle))
        TelemetryBench(plan, rows, find_catalogue(catalogue), progress, results).run()

    run_bench("telemetry", out, measure, Results())
