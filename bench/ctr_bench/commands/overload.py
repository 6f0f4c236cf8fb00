"""`ctr-bench overload`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctr_bench.commands.options import bench_options, run_bench
from ctr_bench.results import Results

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.progress import Progress


@click.command()
@click.option("--seconds", default=12.0, show_default=True, help="Of each load.")
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--flag", "flags", multiple=True, help="A further word for `ctr-service serve`.")
@bench_options("overload")
def overload(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    seconds: float,
    repeats: int,
    flags: tuple[str, ...],
    bundle: Path,
    catalogue: Path | None,
    out: Path,
    seed: int,
) -> None:
    """Measure goodput at 0.5, 1, 2 and 3 times capacity.

    Capacity is what a closed loop gets. Goodput counts complete, undegraded answers within the
    caller's deadline. `refusal_p99_ms` is measured in the server, at 3 times capacity;
    `goodput_ratio_3x` is goodput there over the peak; `rss_growth` the memory over all loads.

    \b
    Examples:
      ctr-bench overload
      ctr-bench overload --repeats 1 --seconds 6
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap

    def measure(progress: Progress, results: Results) -> None:
        # Imported here so that --help does not wait for numpy, gRPC and the tokenizer.
        from ctr_bench.bound.rows import RowMaker, open_bundle  # noqa: PLC0415 -- see above
        from ctr_bench.catalogue import find_catalogue  # noqa: PLC0415 -- see above
        from ctr_bench.overload import OverloadPlan, measure_overload  # noqa: PLC0415 -- see above

        plan = OverloadPlan(bundle, repeats, seconds, flags, seed)
        rows = RowMaker(open_bundle(bundle))
        measure_overload(plan, rows, find_catalogue(catalogue), progress, results)

    run_bench("overload", out, measure, Results())
