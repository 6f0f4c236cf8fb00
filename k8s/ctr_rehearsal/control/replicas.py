"""Which pods of a ReplicaSet to make and to delete. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class PodView:
    """What the controllers look at in a pod.

    Attributes:
        name: of the pod.
        owner: uid of its ReplicaSet.
        node: where it runs; empty before it is placed.
        ready: its Ready condition.
        ready_since_s: when that became true, on the controllers' clock.
        deleting: it is on its way out.
        made_s: when it was made.
        restarts: of its containers.
    """

    name: str
    owner: str
    node: str
    ready: bool
    ready_since_s: float
    deleting: bool
    made_s: float
    restarts: int = 0

    def available(self, now_s: float, min_ready_s: float) -> bool:
        """Say whether it has been ready for long enough, and stays."""
        return self.ready and not self.deleting and now_s - self.ready_since_s >= min_ready_s


def pods_to_make(wanted: int, pods: Sequence[PodView]) -> int:
    """Return how many pods are missing; one on its way out no longer counts."""
    return max(0, wanted - sum(not pod.deleting for pod in pods))


def pods_to_delete(wanted: int, pods: Sequence[PodView]) -> list[str]:
    """Return the names of surplus pods, as Kubernetes ranks them.

    Not placed before placed, not ready before ready, then from the node with the most of them, then
    the one that became ready last, restarted most, was made last.
    """
    staying = [pod for pod in pods if not pod.deleting]
    surplus = max(0, len(staying) - wanted)
    on_node = {pod.node: sum(other.node == pod.node for other in staying) for pod in staying}

    def rank(pod: PodView) -> tuple[bool, bool, int, float, int, float]:
        return (
            *(bool(pod.node), pod.ready, -on_node[pod.node]),
            *(-pod.ready_since_s, -pod.restarts, -pod.made_s),
        )

    return [pod.name for pod in sorted(staying, key=rank)[:surplus]]
