"""What a Collector that does not work costs: gateways beside each kind, loaded in turn.

All run at once and idle but for one, and every round asks each the same at the same moments; the
gateway beside a Collector that answers is the measure of all. The order turns by one each round,
so that what the machine does at the begin of a round hits each alike. On the real engine the p99
of a thousand requests a side moved by 30 % between equal gateways; `TIMED` takes that out.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ctr_bench.paired import paired_ratio
from ctr_bench.telemetry_loads import p99_ms
from ctr_bench.telemetry_sides import ANSWERING, with_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctr_bench.paired import Ratio
    from ctr_bench.progress import Progress
    from ctr_bench.telemetry_loads import Load, Loader

LOAD_SHARE = 0.5
"""The open loop asks for this share of what a closed loop got."""


def collector_ratios(  # noqa: PLR0913 -- each says what is measured, and is named
    bundle: Path,
    flags: tuple[str, ...],
    faults: Sequence[str],
    *,
    rounds: int,
    loader: Loader,
    seed: int,
    progress: Progress,
) -> dict[str, Ratio]:
    """Return p99 beside each broken Collector over p99 beside one that answers.

    Args:
        bundle: folder of the bundle.
        flags: of `ctr-service serve`, of every gateway.
        faults: kinds of Collectors, some of `telemetry_sides.FAULTS`.
        rounds: turns of each gateway.
        loader: loads them.
        seed: of the bootstrap.
        progress: hears of every turn.

    Raises:
        BenchError: a gateway or the generator failed.
    """
    kinds = (ANSWERING, *faults)
    with contextlib.ExitStack() as stack:
        sides = [stack.enter_context(with_all(bundle, flags, kind)) for kind in kinds]
        rate = 0.0
        for side in sides:  # warms each up; the last one's rate counts
            most = loader.closed(side)
            rate = LOAD_SHARE * most.answered / most.wall_s
        loads: dict[str, list[Load]] = {kind: [] for kind in kinds}
        for turn in range(rounds):
            first = turn % len(sides)
            for side in (*sides[first:], *sides[:first]):
                load = loader.open(side, rate, turn)
                loads[side.name].append(load)
                progress.say(
                    f"round {turn + 1} of {rounds}, Collector {side.name}: {rate:.1f} requests/s, "
                    f"p99 {p99_ms([load]):.1f} ms"
                )
    return {
        fault: paired_ratio(loads[fault], loads[ANSWERING], p99_ms, seed=seed) for fault in faults
    }
