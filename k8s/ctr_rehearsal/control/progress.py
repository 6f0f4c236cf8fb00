"""A Deployment's status, and whether its rollout still gets anywhere. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_rehearsal.objects import Object

DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Counts:
    """Pods of a Deployment; of `updated` only those of the current template."""

    wanted: int
    total: int
    updated: int
    ready: int
    available: int
    updated_available: int

    @property
    def complete(self) -> bool:
        """Say whether all pods are of the current template and available."""
        return self.wanted == self.total == self.updated == self.available


@dataclass(frozen=True, slots=True)
class Progress:
    """How a rollout stands.

    Attributes:
        template: hash of the template that is rolled out.
        counts: when last looked at.
        since_s: when it last got further.
        exceeded: it did not for too long; only more progress or another template ends that.
    """

    template: str
    counts: Counts
    since_s: float
    exceeded: bool = False


def advanced(  # noqa: PLR0913 -- what progress depends on
    before: Progress | None,
    template: str,
    counts: Counts,
    now_s: float,
    *,
    deadline_s: float,
    paused: bool,
) -> Progress:
    """Return how the rollout stands now.

    Args:
        before: how it stood; None at the first look.
        template: hash of the current template.
        counts: of its pods now.
        now_s: the time.
        deadline_s: progressDeadlineSeconds.
        paused: a paused rollout has no deadline.
    """
    if before is None or before.template != template or paused:
        return Progress(template, counts, now_s)
    was = before.counts
    further = (
        counts.updated > was.updated
        or counts.total - counts.updated < was.total - was.updated
        or counts.ready > was.ready
        or counts.available > was.available
        or counts.complete
    )
    if further:
        return Progress(template, counts, now_s)
    exceeded = before.exceeded or now_s - before.since_s > deadline_s
    return Progress(template, counts, before.since_s, exceeded)


def status_of(  # noqa: PLR0913 -- what a status tells
    generation: int,
    counts: Counts,
    progress: Progress,
    *,
    least_available: int,
    paused: bool,
    replica_set: str,
    now: str,
    before: Object,
) -> Object:
    """Return a Deployment's status.

    Args:
        generation: of the spec that was looked at.
        counts: of its pods.
        progress: of its rollout.
        least_available: replicas - maxUnavailable.
        paused: of its spec.
        replica_set: name of the current one, for messages.
        now: for conditions that changed.
        before: the status so far.
    """
    if paused:
        progressing = ("Unknown", "DeploymentPaused", "Deployment is paused")
    elif progress.exceeded:
        progressing = ("False", DEADLINE_EXCEEDED, f'"{replica_set}" has timed out progressing.')
    elif counts.complete:
        told = f'"{replica_set}" has successfully progressed.'
        progressing = ("True", "NewReplicaSetAvailable", told)
    else:
        progressing = ("True", "ReplicaSetUpdated", f'"{replica_set}" is progressing.')
    enough = counts.available >= least_available
    available = (
        *("True" if enough else "False",),
        f"MinimumReplicas{'Available' if enough else 'Unavailable'}",
        f"Deployment {'has' if enough else 'does not have'} minimum availability.",
    )
    conditions = [
        _condition(before, now, "Available", available),
        _condition(before, now, "Progressing", progressing),
    ]
    return {
        "observedGeneration": generation,
        "replicas": counts.total,
        "updatedReplicas": counts.updated,
        "readyReplicas": counts.ready,
        "availableReplicas": counts.available,
        "unavailableReplicas": max(0, counts.total - counts.available),
        "conditions": conditions,
    }


def _condition(before: Object, now: str, kind: str, said: tuple[str, str, str]) -> Object:
    status, reason, told = said
    condition = {"type": kind, "status": status, "reason": reason, "message": told}
    old: Object = next((c for c in before.get("conditions") or () if c["type"] == kind), {})
    same = old.get("status") == status
    unchanged = same and old.get("reason") == reason and old.get("message") == told
    return {
        **condition,
        "lastTransitionTime": old["lastTransitionTime"] if same else now,
        "lastUpdateTime": old["lastUpdateTime"] if unchanged else now,
    }
