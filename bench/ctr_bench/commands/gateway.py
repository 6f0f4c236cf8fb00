"""`ctr-bench gateway`."""

from __future__ import annotations

import pstats
from typing import TYPE_CHECKING

import click

from ctr_bench.commands.options import OUT, bench_options, run_bench
from ctr_bench.results import Results

if TYPE_CHECKING:
    from pathlib import Path

PROFILE_FILE = OUT / "gateway.prof"
PROFILE_LINES = 40


@click.command()
@click.option("--seconds", default=8.0, show_default=True, help="Of one load run.")
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--candidates",
    "sizes",
    multiple=True,
    type=click.IntRange(1, 1000),
    help="Items a list; may be given several times.  [default: 16 64 200]",
)
@click.option("--callers", default=32, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--requests",
    default=256,
    show_default=True,
    type=click.IntRange(min=1),
    help="Distinct requests, sent over and over.",
)
@click.option("--features/--no-features", default=True, help="Send the model's features too.")
@click.option("--pin/--no-pin", default=True, help="Server and generator on a core each.")
@click.option("--profile", is_flag=True, help=f"Profile the gateway into {PROFILE_FILE}.")
@click.option("--flag", "flags", multiple=True, help="A further word for `ctr-service serve`.")
@bench_options("gateway")
def gateway(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    seconds: float,
    repeats: int,
    sizes: tuple[int, ...],
    callers: int,
    requests: int,
    features: bool,  # noqa: FBT001 -- click passes flags by name
    pin: bool,  # noqa: FBT001 -- click passes flags by name
    profile: bool,  # noqa: FBT001 -- click passes flags by name
    flags: tuple[str, ...],
    bundle: Path,
    catalogue: Path | None,
    out: Path,
    seed: int,
) -> None:
    """Measure the gateway around an engine without a model, against a bare echo.

    A closed loop of callers with warm token caches; the score cache is off. The echo answers the
    same bytes from a bare uvloop grpc.aio server. `requests_s_core` is requests a second of the
    server's CPU time; `echo_ratio_N` compares those.

    \b
    Examples:
      ctr-bench gateway
      ctr-bench gateway --seconds 5 --repeats 1 --candidates 64
      ctr-bench gateway --profile --candidates 64 --seconds 5
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    # Imported here so that --help does not wait for numpy, gRPC and the tokenizer.
    from ctr_bench.bound.rows import RowMaker, open_bundle  # noqa: PLC0415 -- see above
    from ctr_bench.catalogue import find_catalogue  # noqa: PLC0415 -- see above
    from ctr_bench.gateway import SIZES, GatewayPlan, measure_gateway  # noqa: PLC0415 -- see above

    plan = GatewayPlan(
        bundle=bundle,
        seconds=seconds,
        repeats=1 if profile else repeats,
        sizes=sizes or SIZES,
        callers=callers,
        distinct_requests=requests,
        features=features,
        pinned=pin,
        profile=PROFILE_FILE if profile else None,
        flags=flags,
        seed=seed,
    )
    PROFILE_FILE.parent.mkdir(parents=True, exist_ok=True)
    run_bench(
        "the gateway alone" + (" (slowed by the profiler)" if profile else ""),
        out.with_suffix(".profiled.json") if profile else out,
        lambda progress, results: measure_gateway(
            plan, RowMaker(open_bundle(bundle)), find_catalogue(catalogue), progress, results
        ),
        Results(),
    )
    if profile:
        figures = pstats.Stats(str(PROFILE_FILE)).strip_dirs()
        figures.sort_stats("tottime").print_stats(PROFILE_LINES)
        figures.sort_stats("cumulative").print_stats(PROFILE_LINES)
