"""Events: what `kubectl get events` shows of a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_rehearsal.api.kinds import EVENT
from ctr_rehearsal.objects import name_of, namespace_of

if TYPE_CHECKING:
    from ctr_rehearsal.api.store import Store
    from ctr_rehearsal.objects import Object


def warn(store: Store, pod: Object, reason: str, message: str) -> None:
    """Leave a warning about a pod; the newest of a reason replaces the one before."""
    event: Object = {
        "metadata": {
            "name": f"{name_of(pod)}.{reason.lower().replace(':', '-')}",
            "namespace": namespace_of(pod),
        },
        "involvedObject": {"kind": "Pod", "name": name_of(pod), "uid": pod["metadata"]["uid"]},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": store.now,
    }
    if store.find(EVENT, namespace_of(pod), event["metadata"]["name"]) is None:
        store.create(EVENT, event)
    else:
        store.replace(EVENT, event)
