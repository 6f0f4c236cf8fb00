"""`ctr-bench plan` without its command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_bench.keeping import kept
from ctr_bench.plan import Plan
from ctr_bench.plan_text import print_plan
from ctr_bench.sweep_text import wide_console

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.plan_order import PlanOrder
    from ctr_bench.progress import Progress
    from ctr_bench.sweeping import Asked


def run_plan(asked: Asked, order: PlanOrder, out: Path, progress: Progress) -> None:
    """Measure, conclude, print, and write `out`.

    Args:
        asked: the bundle and the searches; without a target.
        order: what to plan.
        out: of the JSON.
        progress: hears of each step.

    Raises:
        BenchError: something does not serve, the SLO is kept at no rate, or verification failed.
        SystemExit: Ctrl-C; what was found so far is written.
    """
    plan = Plan(order, asked.material(progress), progress)
    facts = plan.material_facts
    console = wide_console()
    with kept("plan", out, facts, plan.as_json):
        try:
            plan.run()
        finally:
            print_plan(console, plan)
        if not all(true for _, true, _ in plan.verified):
            raise BenchError(
                "the plan did not hold in its verification run; see above. Replicas that compute "
                "share this machine's cores: then only gateways elsewhere can verify it"
            )
    console.print(f"written to {out}", highlight=False)
