"""`ctr-bench selftest`."""

from __future__ import annotations

from pathlib import Path

import click

OUT = Path("build/bench/selftest.json")
CHECKS = ("known", "knee", "stall", "shed", "starved", "loadgen", "perf-analyzer")


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(6),
    default=60.0,
    show_default=True,
    help="Of each load; a p99 needs some thousands of requests.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(CHECKS),
    help="Make this check; may be given several times.  [default: all]",
)
@click.option(
    "--bound",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Times the limits (5 % of a known server, 10 % of a stall and of other harnesses); more "
    "on a noisy machine.",
)
@click.option("--seed", default=0, show_default=True, help="Of the schedules.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=OUT,
    show_default=True,
    help="Where the figures go.",
)
def selftest(seconds: float, only: tuple[str, ...], bound: float, seed: int, out: Path) -> None:
    """Prove the harness on scripted servers: what it reports must be what they do.

    known: p50, p99 and goodput of a server of known service times and capacity, against an exact
    simulation of its queue. knee: what a sweep finds on another one, against the same. stall: a
    server that stands still on schedule; the open loop must show it, a closed loop hides it. shed:
    refusals are fast, and must not look good. starved: a generator without CPU must make its run
    invalid. loadgen: p99 of MLPerf LoadGen's Server mode on the same target and arrivals.
    perf-analyzer: the same through Open Inference, where it is installed
    (tools/setup_perf_analyzer.sh). About 9 minutes; leave the machine alone.

    Exit code 0 says that every claim holds; an absent check claims nothing, and is named.

    \b
    Examples:
      ctr-bench selftest
      ctr-bench selftest --only known --only stall --seconds 20 --bound 3
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    # Imported here so that --help does not wait for numpy, gRPC and tritonclient's messages.
    from rich.console import Console  # noqa: PLC0415 -- see above

    from ctr_bench.commands.options import progress_console  # noqa: PLC0415 -- see above
    from ctr_bench.errors import BenchError  # noqa: PLC0415 -- see above
    from ctr_bench.fingerprint import fingerprint  # noqa: PLC0415 -- see above
    from ctr_bench.progress import Progress  # noqa: PLC0415 -- see above
    from ctr_bench.results import Results, write_results  # noqa: PLC0415 -- see above
    from ctr_bench.selftest import SelftestPlan, run_checks  # noqa: PLC0415 -- see above
    from ctr_bench.selftest_checks import Bounds  # noqa: PLC0415 -- see above

    limits = Bounds()
    plan = SelftestPlan(
        seconds,
        only or CHECKS,
        Bounds(bound * limits.known, bound * limits.stall, bound * limits.peers),
        seed,
    )
    try:
        checks = run_checks(plan, Progress(progress_console()))
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    broken = [
        f"{check.name}: {claim.name}"
        for check in checks
        for claim in check.claims
        if not claim.holds
    ]
    facts: dict[str, object] = {
        "holds": not broken,
        "absent": [check.name for check in checks if check.absent],
        "seconds": seconds,
        "checks": [check.as_json() for check in checks],
        "fingerprint": fingerprint(),
    }
    write_results(Results(facts), out)
    Console().print(f"written to {out}", highlight=False, soft_wrap=True)
    if broken:
        raise click.ClickException(f"does not hold: {', '.join(broken)}")
