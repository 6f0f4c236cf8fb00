"""`ctr-bench peers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctr_bench.commands.options import bench_options, run_bench, trial_options
from ctr_bench.peers.results import PeerResults

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.progress import Progress

NAMES = ("gateway", "sync-grpc", "mosec", "triton", "mlserver", "litserve", "naive")


@click.command()
@click.option("--repeats", default=1, show_default=True, type=click.IntRange(min=1))
@click.option("--closed-s", default=8.0, show_default=True, help="Length of the closed loop.")
@trial_options
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Measure these; repeat it.")
@bench_options("peers")
def peers(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
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
    """Measure the gateway and other servers on the same graph, searches and SLO.

    Triton, mosec, LitServe, MLServer, a synchronous gRPC server and a naive one, each set up as
    somebody would who knows it well. First the raw bound; then each alone: saturated, and the
    highest rate at which p99 keeps the SLO (7.5 times one list's time at the bound). Needs `make
    peers-setup`. A trial has so many requests, so a slow machine takes longer: 20 to 90 minutes for
    all. Leave the machine alone.

    \b
    Examples:
      ctr-bench peers
      ctr-bench peers --only gateway --only sync-grpc --repeats 3
      ctr-bench peers --trial-requests 200 --confirm-requests 500
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap

    def measure(progress: Progress, results: PeerResults) -> None:
        # Imported here so that --help does not wait for numpy, gRPC and the engine.
        from ctr_bench.bound.rows import RowMaker, open_bundle  # noqa: PLC0415 -- see above
        from ctr_bench.catalogue import find_catalogue  # noqa: PLC0415 -- see above
        from ctr_bench.peers.bench import PeersBench, PeersPlan  # noqa: PLC0415 -- see above
        from ctr_bench.trial import Sizes  # noqa: PLC0415 -- see above

        sizes = Sizes(trial_requests, confirm_requests)
        plan = PeersPlan(bundle, repeats, sizes, closed_s, frozenset(only), seed)
        rows = RowMaker(open_bundle(bundle))
        PeersBench(plan, rows, find_catalogue(catalogue), progress, results).run()

    run_bench("peers", out, measure, PeerResults())
