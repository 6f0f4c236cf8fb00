"""`ctr-bench soak`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctr_bench.commands.options import bench_options, run_bench
from ctr_bench.results import Results

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.progress import Progress


@click.command()
@click.option("--minutes", default=30.0, show_default=True, help="Of load.")
@click.option(
    "--load",
    default=0.7,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of the closed loop's pairs a second.",
)
@click.option("--segment-s", default=60.0, show_default=True, help="Look this often, in seconds.")
@click.option("--flag", "flags", multiple=True, help="A further word for `ctr-service serve`.")
@bench_options("soak")
def soak(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    minutes: float,
    load: float,
    segment_s: float,
    flags: tuple[str, ...],
    bundle: Path,
    catalogue: Path | None,
    out: Path,
    seed: int,
) -> None:
    """Hold a part of capacity for a long time, and judge errors, memory and p99.

    Exit code 0 says: every request answered complete and undegraded, memory within 5 % after the
    first tenth, p99 flat. Otherwise 1, with what does not hold; the figures are written all the
    same.

    \b
    Examples:
      ctr-bench soak
      ctr-bench soak --minutes 3 --segment-s 10
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap

    def measure(progress: Progress, results: Results) -> None:
        # Imported here so that --help does not wait for numpy, gRPC and the tokenizer.
        from ctr_bench.bound.rows import RowMaker, open_bundle  # noqa: PLC0415 -- see above
        from ctr_bench.catalogue import find_catalogue  # noqa: PLC0415 -- see above
        from ctr_bench.soak import SoakPlan  # noqa: PLC0415 -- see above
        from ctr_bench.soak import soak as run_soak  # noqa: PLC0415 -- see above

        plan = SoakPlan(bundle, minutes, load, segment_s, flags, seed)
        rows = RowMaker(open_bundle(bundle))
        run_soak(plan, rows, find_catalogue(catalogue), progress, results)

    results = run_bench("soak", out, measure, Results())
    if broken := results.facts["broken"]:
        raise click.ClickException(f"does not hold: {'; '.join(map(str, broken))}")  # type: ignore[call-overload]  # -- a list by soak.py
