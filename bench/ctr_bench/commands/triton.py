"""`ctr-bench triton`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctr_bench.commands.options import bench_options, run_bench
from ctr_bench.results import Results

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.progress import Progress


@click.command()
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--turns",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="In which all sides are loaded, in each repeat.",
)
@click.option("--seconds", default=5.0, show_default=True, help="Of one closed loop, in each turn.")
@click.option(
    "--slots", default=0, show_default=True, help="`--triton-slots` of the gateway; 0: its default."
)
@bench_options("triton")
def triton(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    repeats: int,
    turns: int,
    seconds: float,
    slots: int,
    bundle: Path,
    catalogue: Path | None,
    out: Path,
    seed: int,
) -> None:
    """Measure gateway and Triton against Triton's own dynamic batcher, on the same graph.

    Each repeat, in turns: the raw bound, the gateway in front of a real Triton, and Triton's
    dynamic batcher driven by tritonclient that tokenises (the best of its queue delays). Needs
    `make triton-setup`. About four minutes a repeat; leave the machine alone.

    \b
    Examples:
      ctr-bench triton
      ctr-bench triton --repeats 1 --turns 2 --slots 3
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap

    def measure(progress: Progress, results: Results) -> None:
        # Imported here so that --help does not wait for numpy, gRPC and the engine.
        from ctr_bench.bound.rows import RowMaker, open_bundle  # noqa: PLC0415 -- see above
        from ctr_bench.catalogue import find_catalogue  # noqa: PLC0415 -- see above
        from ctr_bench.triton import TritonBench, TritonPlan  # noqa: PLC0415 -- see above

        plan = TritonPlan(bundle, repeats, turns, seconds, slots, seed)
        rows = RowMaker(open_bundle(bundle))
        TritonBench(plan, rows, find_catalogue(catalogue), progress, results).run()

    run_bench("triton", out, measure, Results())
