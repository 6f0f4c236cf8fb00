"""`ctr-bench redis`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctr_bench.commands.options import bench_options, run_bench
from ctr_bench.results import Results

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.progress import Progress


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="Of one load run.")
@click.option("--rate", default=50.0, show_default=True, help="Requests a second, 16 items each.")
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--model/--no-model",
    default=False,
    help="Run the bundle's model; without it, its noise does not cover what Redis does.",
)
@click.option("--flag", "flags", multiple=True, help="A further word for `ctr-service serve`.")
@bench_options("redis")
def redis(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    seconds: float,
    rate: float,
    repeats: int,
    model: bool,  # noqa: FBT001 -- click passes flags by name
    flags: tuple[str, ...],
    bundle: Path,
    catalogue: Path | None,
    out: Path,
    seed: int,
) -> None:
    """Measure p99 with a Redis that is healthy, dead, and 50 ms slow, against none.

    A real redis-server behind a cable holds users' features, scores and token ids; no search finds
    anything in process. A fault begins just before its load and ends after it. `p99_rise_ms_STATE`
    is p99 above that of a gateway without Redis on the same searches, to be held against
    `feature_budget_ms`; `failed_STATE` counts requests that were not answered complete;
    `recovery_s_STATE` is how long the gateway took to use Redis again by itself.

    \b
    Examples:
      ctr-bench redis
      ctr-bench redis --model --rate 30
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap

    def measure(progress: Progress, results: Results) -> None:
        # Imported here so that --help does not wait for numpy, gRPC and the tokenizer.
        from ctr_bench.bound.rows import RowMaker, open_bundle  # noqa: PLC0415 -- see above
        from ctr_bench.catalogue import find_catalogue  # noqa: PLC0415 -- see above
        from ctr_bench.failing_redis import (  # noqa: PLC0415 -- see above
            RedisPlan,
            measure_failing_redis,
        )

        plan = RedisPlan(
            bundle=bundle,
            repeats=repeats,
            seconds=seconds,
            rate=rate,
            zero_cost=not model,
            flags=flags,
            seed=seed,
        )
        rows = RowMaker(open_bundle(bundle))
        measure_failing_redis(plan, rows, find_catalogue(catalogue), progress, results)

    run_bench("a failing Redis", out, measure, Results())
