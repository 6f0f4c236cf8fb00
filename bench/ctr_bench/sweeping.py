"""`ctr-bench sweep` without its command line."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.bound.rows import RowMaker, open_bundle
from ctr_bench.catalogue import find_catalogue
from ctr_bench.gateway_process import NO_SCORE_CACHE, GatewaySetup, running_gateway
from ctr_bench.keeping import kept
from ctr_bench.material import SEARCHES, make_material
from ctr_bench.served import ask_model
from ctr_bench.sweep import Sweep
from ctr_bench.sweep_text import print_sweep, wide_console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_bench.material import Material
    from ctr_bench.progress import Progress
    from ctr_bench.sweep import SweepPlan


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured, and with what searches.

    Attributes:
        bundle: it serves this.
        target: of a running gateway; None starts one.
        flags: of the one that is started.
        catalogue: of titles; None finds one.
        candidates: items a list.
        seed: of searches and schedules.
    """

    bundle: Path
    target: str | None = None
    flags: tuple[str, ...] = ()
    catalogue: Path | None = None
    candidates: int = 16
    seed: int = 0

    def material(self, progress: Progress) -> Material:
        """Read the bundle and draw searches for it.

        Raises:
            BenchError: the bundle or the catalogue cannot be read.
        """
        rows = RowMaker(open_bundle(self.bundle))
        catalogue = find_catalogue(self.catalogue)
        progress.say(f"making searches of {self.candidates} items from {catalogue.source}")
        return make_material(rows, catalogue, self.candidates, self.seed)

    @contextlib.contextmanager
    def serving(self, material: Material) -> Iterator[str]:
        """Yield a target that serves the bundle.

        Raises:
            BenchError: it does not, or the gateway did not start.
        """
        if self.target is not None:
            ask_model(self.target, material.manifest_sha256)
            yield self.target
            return
        with running_gateway(GatewaySetup(self.bundle, (*NO_SCORE_CACHE, *self.flags))) as gateway:
            yield gateway.target


def run_sweep(asked: Asked, plan: SweepPlan, out: Path, progress: Progress) -> None:
    """Sweep, print, and write `out`.

    Raises:
        BenchError: something does not serve, or the SLO is kept at no rate.
        SystemExit: Ctrl-C; what was found so far is written.
    """
    material, sweep = asked.material(progress), Sweep(plan)
    traffic = material.unseen(SEARCHES)
    facts = {"target": asked.target or "started here", "flags": asked.flags, **material.facts}
    console = wide_console()
    with asked.serving(material) as target:
        graph = ask_model(target).graph
        with kept("sweep", out, {**facts, "graph": graph}, sweep.as_json):
            try:
                sweep.run(asked.target or "gateway", target, traffic, progress)
            finally:
                print_sweep(console, sweep)
    console.print(f"written to {out}", highlight=False)
