"""`ctr-bench sweep`."""

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


@click.command()
@slo_option
@click.option(
    "--target", help="HOST:PORT of a running gateway.  [default: start one on the bundle]"
)
@candidates_option
@search_options(3)
@click.option("--curve/--no-curve", default=True, help="Measure at 0.5, 0.8, 1.2 knees as well.")
@flag_option
@trial_options
@bench_options("sweep")
def sweep(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    slo: str,
    target: str | None,
    candidates: int,
    repeats: int,
    start: float,
    curve: bool,  # noqa: FBT001 -- click passes flags by name
    flags: tuple[str, ...],
    trial_requests: int,
    confirm_requests: int,
    bundle: Path,
    catalogue: Path | None,
    out: Path,
    seed: int,
) -> None:
    """Find the highest rate at which a gateway keeps an SLO: doubling, bisection, confirmation.

    Poisson arrivals, latency from the scheduled time, distinct searches of the bundle's lengths
    and features. A rate is held when p99 keeps the limit and 99.9 % of the answers are complete
    and undegraded. "at 99 %" is a verdict by the exact binomial law; "point" goes by the count,
    because that many requests leave it open. A trial that is clearly lost or won ends early.
    A gateway that is started here has no score cache. Ctrl-C keeps what was found so far, marked,
    in sweep.partial.json.

    \b
    Examples:
      ctr-bench sweep --slo p99=100ms
      ctr-bench sweep --target 127.0.0.1:8500 --slo p99=50ms --repeats 1
      ctr-bench sweep --slo p95=40ms --candidates 64 --trial-requests 1000
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap

    def measure(progress: Progress) -> None:
        # Imported here so that --help does not wait for numpy, gRPC and the tokenizer.
        from ctr_bench.slo import Slo  # noqa: PLC0415 -- see above
        from ctr_bench.sweep import SweepPlan  # noqa: PLC0415 -- see above
        from ctr_bench.sweeping import Asked, run_sweep  # noqa: PLC0415 -- see above
        from ctr_bench.trial import Sizes  # noqa: PLC0415 -- see above

        sizes = Sizes(trial_requests, confirm_requests)
        plan = SweepPlan(Slo.parse(slo), repeats, sizes, start, curve, seed)
        asked = Asked(bundle, target, flags, catalogue, candidates, seed)
        run_sweep(asked, plan, out, progress)

    run_measurement(measure)
