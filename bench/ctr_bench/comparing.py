"""`ctr-bench compare` without its command line."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.compare import (
    BLOCKS,
    LESS_IS_BETTER,
    ComparePlan,
    Comparison,
    blocks_of,
    compare_targets,
)
from ctr_bench.errors import BenchError
from ctr_bench.keeping import kept
from ctr_bench.material import SEARCHES
from ctr_bench.run_rows import check_same_load, read_run
from ctr_bench.served import ask_model
from ctr_bench.sweep_text import wide_console

if TYPE_CHECKING:
    from ctr_bench.progress import Progress
    from ctr_bench.slo import Slo
    from ctr_bench.sweeping import Asked


def run_compare(  # noqa: PLR0913, PLR0917 -- both sides, how, and where to
    a: str, b: str, asked: Asked, plan: ComparePlan, out: Path, progress: Progress
) -> None:
    """Compare two targets, or two folders of `ctr-bench run`; print, and write `out`.

    Raises:
        BenchError: a side does not serve or is no run, or too few pairs are valid.
        SystemExit: Ctrl-C; what was measured so far is written.
    """
    folders = [Path(side) for side in (a, b) if Path(side).is_dir()]
    console = wide_console()
    facts: dict[str, object] = {"a": a, "b": b, "slo": str(plan.slo), "seed": plan.seed}
    if folders:
        if len(folders) < 2:  # noqa: PLR2004 -- two sides
            raise BenchError("compare two targets, or two folders of runs, not one of each")
        comparison, load = _of_folders(plan.slo, *folders)
        facts |= load
        console.print("the runs were made apart: blocks of time stand for pairs")
        traffic = None
    else:
        if plan.rate <= 0:
            raise BenchError("give --rate: requests a second, below what either side holds")
        comparison = Comparison(plan.slo)
        facts |= {"rate": plan.rate, "requests_a_run": plan.requests}
        for side, target in zip("AB", (a, b), strict=True):
            model = ask_model(target)
            progress.say(f"{side} is {target}: model {model.version}, {model.graph}")
        material = asked.material(progress)
        facts |= material.facts
        traffic = material.unseen(SEARCHES)
    with kept("compare", out, facts, lambda: _content(comparison, plan.seed)):
        if traffic is not None:
            compare_targets(comparison, (a, b), traffic, plan, progress)
        for name, found in comparison.figures(plan.seed).items():
            text = found.sentence(name, less_is_better=LESS_IS_BETTER[name])
            console.print(text, highlight=False, soft_wrap=True)
    console.print(f"written to {out}", highlight=False)


def _of_folders(slo: Slo, a: Path, b: Path) -> tuple[Comparison, dict[str, object]]:
    first, second = read_run(a), read_run(b)
    check_same_load(first, second)
    load: dict[str, object] = {
        "rate": first.offered_requests_s,
        "requests_a_run": len(first.records),
        "blocks_of_a_run": BLOCKS,
    }
    return Comparison(slo, blocks_of(first.records), blocks_of(second.records)), load


def _content(comparison: Comparison, seed: int) -> dict[str, object]:
    try:
        figures = comparison.figures(seed)
    except BenchError:  # too few pairs: told where it is raised
        figures = {}
    return {
        "pairs": len(comparison.a),
        "pairs_left_out": comparison.left_out,
        "figures": {
            name: {
                "a": found.a,
                "b": found.b,
                "b_over_a": asdict(found.ratio),
                "differs": found.differs,
            }
            for name, found in figures.items()
        },
    }
