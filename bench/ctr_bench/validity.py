"""Whether a run's figures mean anything: the generator's own lateness and load. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.figures import MAX_LAG_SHARE, percentile_ms
from ctr_bench.record import NOT_SENT

if TYPE_CHECKING:
    from ctr_bench.record import Records

MAX_LAG_MS = 5.0
"""Without an SLO: send lag p99 up to this says that the schedule was kept."""
MAX_CPU_SHARE = 0.9
"""A closed loop whose generator is busier than this measures the generator."""
BUSY_SHARE = 0.5
"""A late generator that is less busy than this was kept from its CPU by something else."""
ALONE = "something else had its CPU: stop other work here, or leave it a core of its own"
MORE = "use --generators 2, leave it a core of its own (stop other work here), or lower the rate"


def invalid_reasons(
    records: Records, *, closed: bool, slo_ms: float | None, generator_cpu_share: float
) -> list[str]:
    """Return why a run's figures mean nothing; an empty list is a valid run.

    Args:
        records: of the run.
        closed: it was a closed loop, which has no schedule to be late for.
        slo_ms: lag is measured against it: at most a tenth.
        generator_cpu_share: of the busiest generator.
    """
    if not len(records):
        return ["no request was answered before the run was stopped"]
    if closed:
        if generator_cpu_share <= MAX_CPU_SHARE:
            return []
        used = f"the generator used {generator_cpu_share:.0%} of a core"
        return [f"{used}, so the server may do more: {MORE}"]
    reasons = []
    lag_ms = percentile_ms(records.send_lag_ms, 99)
    limit_ms = MAX_LAG_MS if slo_ms is None else MAX_LAG_SHARE * slo_ms
    if lag_ms > limit_ms:
        hint = ALONE if generator_cpu_share < BUSY_SHARE else MORE
        reasons.append(
            f"the generator was late: send lag p99 is {lag_ms:.1f} ms, the limit {limit_ms:.1f} ms "
            f"(it used {generator_cpu_share:.0%} of a core): {hint}"
        )
    if unsent := int((records.code == NOT_SENT).sum()):
        reasons.append(
            f"{unsent} requests never left, because too many were unanswered: shorten "
            "--deadline-ms, or lower the rate"
        )
    return reasons
