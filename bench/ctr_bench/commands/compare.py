"""`ctr-bench compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctr_bench.commands.options import bench_options, candidates_option, run_measurement

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.progress import Progress


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--rate",
    default=0.0,
    type=click.FloatRange(min=0),
    help="Requests a second to each side; needed for targets. Take one that both hold.",
)
@click.option("--slo", default="p99=100ms", show_default=True, help="What goodput counts.")
@click.option(
    "--pairs",
    default=10,
    show_default=True,
    type=click.IntRange(6, 1000),
    help="Of runs; more of them tell smaller differences.",
)
@click.option(
    "--requests",
    default=300,
    show_default=True,
    type=click.IntRange(min=20),
    help="Of a run.",
)
@candidates_option
@bench_options("compare")
def compare(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    a: str,
    b: str,
    rate: float,
    slo: str,
    pairs: int,
    requests: int,
    candidates: int,
    bundle: Path,
    catalogue: Path | None,
    out: Path,
    seed: int,
) -> None:
    """Compare A and B: two targets (HOST:PORT), or two folders that `ctr-bench run` wrote.

    Targets get the same requests by the same schedule in turn, the order changing from pair to
    pair. A ratio's interval is a bootstrap over pairs at 95 %, widened as few pairs ask for; where
    it holds 1, there is no difference. Folders were measured apart, so what the machine did
    meanwhile is in their ratio: blocks of time stand for pairs.

    \b
    Examples:
      ctr-bench compare 127.0.0.1:8500 127.0.0.1:8501 --rate 20
      ctr-bench compare old:8500 new:8500 --rate 40 --pairs 20 --slo p99=50ms
      ctr-bench compare build/bench/runs/before build/bench/runs/after
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap

    def measure(progress: Progress) -> None:
        # Imported here so that --help does not wait for numpy, gRPC and the tokenizer.
        from ctr_bench.compare import ComparePlan  # noqa: PLC0415 -- see above
        from ctr_bench.comparing import run_compare  # noqa: PLC0415 -- see above
        from ctr_bench.slo import Slo  # noqa: PLC0415 -- see above
        from ctr_bench.sweeping import Asked  # noqa: PLC0415 -- see above

        plan = ComparePlan(Slo.parse(slo), rate, pairs, requests, seed)
        asked = Asked(bundle, None, (), catalogue, candidates, seed)
        run_compare(a, b, asked, plan, out, progress)

    run_measurement(measure)
