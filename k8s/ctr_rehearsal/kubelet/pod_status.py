"""A pod's status, as its kubelet tells it to the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_rehearsal.objects import at, condition_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_rehearsal.kubelet.container import Container
    from ctr_rehearsal.objects import Object


def all_ready(containers: Sequence[Container]) -> bool:
    """Say whether there are containers and each is ready."""
    return bool(containers) and all(one.ready for one in containers)


def pod_status(
    pod: Object, containers: Sequence[Container], waiting: Mapping[str, str], now: str
) -> Object:
    """Return the status.

    Args:
        pod: as the API has it; a condition that did not change keeps its time.
        containers: what runs; none before volumes, images and init containers are done.
        waiting: why none does, as `reason` and `message`.
        now: the API's time.
    """
    said = "True" if all_ready(containers) else "False"
    old = condition_of(pod, "Ready")
    since = old["lastTransitionTime"] if old and old["status"] == said else None
    conditions = [
        {"type": kind, "status": said, "lastTransitionTime": since or now}
        for kind in ("ContainersReady", "Ready")
    ]
    return {
        "phase": "Running" if containers else "Pending",
        "podIP": "127.0.0.1",
        "hostIP": "127.0.0.1",
        "startTime": at(pod, "status.startTime", now),
        "conditions": [*conditions, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": (
            [_run(one) for one in containers]
            or [_awaited(spec, waiting) for spec in pod["spec"]["containers"]]
        ),
    }


def _run(one: Container) -> Object:
    return {
        "name": one.name,
        "image": one.image,
        "imageID": one.image,
        "ready": one.ready,
        "started": one.started,
        "restartCount": one.restarts,
        "state": one.state,
    }


def _awaited(spec: Object, waiting: Mapping[str, str]) -> Object:
    return {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": "",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": {"waiting": dict(waiting)},
    }
