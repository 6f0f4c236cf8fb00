"""`ctr-bench selftest` without its command line: all checks in turn, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_bench import selftest_checks as checks
from ctr_bench import selftest_peers as peers
from ctr_bench.selftest_knee import knee

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ctr_bench.claims import Check
    from ctr_bench.progress import Progress

CHECKS = ("known", "knee", "stall", "shed", "starved", "loadgen", "perf-analyzer")


@dataclass(frozen=True, slots=True)
class SelftestPlan:
    """What to check.

    Attributes:
        seconds: of each load.
        only: some of CHECKS.
        bounds: how near is near enough.
    """

    seconds: float
    only: Sequence[str] = CHECKS
    bounds: checks.Bounds = field(default_factory=checks.Bounds)
    seed: int = 0


def run_checks(plan: SelftestPlan, progress: Progress) -> list[Check]:
    """Run the checks in their order.

    Raises:
        BenchError: a target, a generator or another harness failed.
    """
    seconds, seed, bounds = plan.seconds, plan.seed, plan.bounds
    every: Mapping[str, Callable[[], Check]] = {
        "known": lambda: checks.known_server(seconds, seed, bounds),
        "knee": lambda: knee(seconds, seed, bounds, progress),
        "stall": lambda: checks.stalling_server(seconds, seed, bounds),
        "shed": lambda: checks.shedding_server(seconds / 2, seed, bounds),
        "starved": lambda: checks.starved_generator(seed),
        "loadgen": lambda: peers.loadgen(seconds, bounds),
        "perf-analyzer": lambda: peers.perf_analyzer(seconds, seed, bounds),
    }
    found = []
    for name in CHECKS:
        if name in plan.only:
            progress.say(f"{name} ...")
            check = every[name]()
            found.append(check)
            progress.say(f"{name}: {_verdict(check)}")
    return found


def _verdict(check: Check) -> str:
    if check.absent:
        return f"absent: {check.absent}"
    return "; ".join(
        f"{claim.name} {claim.measured:,.4g} of {claim.expected:,.4g} "
        f"({claim.text}{'' if claim.holds else ': DOES NOT HOLD'})"
        for claim in check.claims
    )
