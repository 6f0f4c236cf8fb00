"""How many replicas each ReplicaSet of a Deployment should have next. Pure.

The rules are those of Kubernetes' deployment controller (pkg/controller/deployment/rolling.go):
never more pods than replicas + maxSurge, never fewer available ones than replicas - maxUnavailable
as long as it is the controller that takes them away, broken old pods first. Left out: proportional
scaling in the middle of a rollout; there the same two bounds lead to the end by another way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class ReplicaCount:
    """One ReplicaSet.

    Attributes:
        name: of the ReplicaSet.
        wanted: its spec.replicas.
        available: pods that have been ready for minReadySeconds.
    """

    name: str
    wanted: int
    available: int


@dataclass(frozen=True, slots=True)
class Strategy:
    """What the Deployment asks for.

    Attributes:
        replicas: how many pods.
        max_surge: how many more there may be.
        max_unavailable: how many fewer may be available.
        recreate: first all old pods go, then new ones come.
    """

    replicas: int
    max_surge: int
    max_unavailable: int
    recreate: bool = False


def strategy_of(
    replicas: int, max_surge: int | str, max_unavailable: int | str, *, recreate: bool = False
) -> Strategy:
    """Turn percentages into numbers: surge rounds up, unavailable down, and not both to 0.

    Raises:
        ValueError: a value is neither a number nor a percentage.
    """
    surge = math.ceil(_part(max_surge, replicas))
    unavailable = math.floor(_part(max_unavailable, replicas))
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Strategy(replicas, surge, min(unavailable, replicas), recreate)


def next_replicas(
    strategy: Strategy, new: ReplicaCount, old: Sequence[ReplicaCount], old_pods: int = 0
) -> dict[str, int]:
    """Return the replicas that ReplicaSets should have now, those that change alone.

    Args:
        strategy: what is asked for.
        new: the ReplicaSet of the current template.
        old: the others, oldest first.
        old_pods: pods of theirs that still exist, on their way out too (for recreate).
    """
    if strategy.recreate:
        return _recreate(strategy, new, old, old_pods)
    grown = _grow(strategy, new, old)
    if grown != new.wanted:
        return {new.name: grown}
    return _shrink(strategy, new, old)


def _grow(strategy: Strategy, new: ReplicaCount, old: Sequence[ReplicaCount]) -> int:
    if new.wanted > strategy.replicas:
        return strategy.replicas
    total = new.wanted + sum(one.wanted for one in old)
    room = strategy.replicas + strategy.max_surge - total
    return new.wanted + max(0, min(room, strategy.replicas - new.wanted))


def _shrink(strategy: Strategy, new: ReplicaCount, old: Sequence[ReplicaCount]) -> dict[str, int]:
    least = strategy.replicas - strategy.max_unavailable
    total = new.wanted + sum(one.wanted for one in old)
    # New pods that are not available yet may never be: they do not pay for old ones.
    spare = total - least - (new.wanted - new.available)
    if spare <= 0:
        return {}
    changed: dict[str, int] = {}
    left: list[ReplicaCount] = []
    for one in old:
        broken = min(spare, max(0, one.wanted - one.available))
        if broken:
            changed[one.name] = one.wanted - broken
            spare -= broken
        left.append(replace(one, wanted=one.wanted - broken))
    surplus = new.available + sum(min(one.available, one.wanted) for one in left) - least
    for one in left:
        fewer = min(one.wanted, max(0, surplus))
        if fewer:
            changed[one.name] = one.wanted - fewer
            surplus -= fewer
    return changed


def _recreate(
    strategy: Strategy, new: ReplicaCount, old: Sequence[ReplicaCount], old_pods: int
) -> dict[str, int]:
    if changed := {one.name: 0 for one in old if one.wanted}:
        return changed
    if old_pods or new.wanted == strategy.replicas:
        return {}
    return {new.name: strategy.replicas}


def _part(value: int | str, whole: int) -> float:
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise ValueError(f"{value!r} is neither a number nor a percentage")
    return int(value[:-1]) * whole / 100
