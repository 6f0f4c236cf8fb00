"""Evictions: a pod may be deleted only while its disruption budget has room."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ctr_rehearsal.errors import ApiError
from ctr_rehearsal.objects import at, being_deleted, is_ready, labels_of, matches, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_rehearsal.objects import Object


def budget_status(budget: Object, pods: Sequence[Object], expected: int) -> Object:
    """Return a PodDisruptionBudget's status.

    Args:
        budget: the PDB.
        pods: of its namespace.
        expected: replicas that the controllers of its pods want.
    """
    own = [p for p in pods if matches(at(budget, "spec.selector"), labels_of(p))]
    healthy = sum(is_ready(pod) and not being_deleted(pod) for pod in own)
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        wanted = max(0, expected - scaled_up(spec["maxUnavailable"], expected))
    else:
        wanted = scaled_up(spec.get("minAvailable", 1), expected)
    return {
        "observedGeneration": budget["metadata"]["generation"],
        "expectedPods": expected,
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        "disruptionsAllowed": max(0, healthy - wanted),
    }


def scaled_up(value: int | str, whole: int) -> int:
    """Return a number, or a percentage of `whole` rounded up, as budgets and maxSurge are."""
    if isinstance(value, int):
        return value
    return math.ceil(int(value.removesuffix("%")) * whole / 100)


def may_evict(pod: Object, budgets: Sequence[tuple[Object, Object]]) -> None:
    """Check the budgets of a pod that would be evicted.

    Args:
        pod: it; one that is not ready, or on its way out, costs no budget.
        budgets: (PDB, its status now) of its namespace.

    Raises:
        ApiError: 429, as kubectl drain waits for.
    """
    if not is_ready(pod) or being_deleted(pod):
        return
    for budget, status in budgets:
        selector = at(budget, "spec.selector")
        if matches(selector, labels_of(pod)) and status["disruptionsAllowed"] < 1:
            raise ApiError(
                *(429, "TooManyRequests"),
                "Cannot evict pod as it would violate the pod's disruption budget. The disruption "
                f"budget {name_of(budget)} needs {status['desiredHealthy']} healthy pods and has "
                f"{status['currentHealthy']} currently",
            )
