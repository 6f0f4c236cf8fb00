"""The columns of `kubectl get`, which the server prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctr_rehearsal.api.kinds import DEPLOYMENT, NODE, PDB, POD, REPLICA_SET
from ctr_rehearsal.objects import at, being_deleted, is_ready, name_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_rehearsal.api.kinds import Kind
    from ctr_rehearsal.objects import Object

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


def table(kind: Kind, things: Sequence[Object], version: str, now: str) -> Object:
    """Return objects as `meta.k8s.io/v1` Table."""
    columns = {"Name": name_of, **_COLUMNS.get(kind, {})}
    rows = [
        {
            "cells": [*(cell(thing) for cell in columns.values()), _age(thing, now)],
            "object": {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": thing["metadata"],
            },
        }
        for thing in things
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [
            {
                "name": name,
                "type": "string",
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": 0,
            }
            for name in (*columns, "Age")
        ],
        "rows": rows,
    }


def _age(thing: Object, now: str) -> str:
    seconds = int(seconds_of(now) - seconds_of(thing["metadata"]["creationTimestamp"]))
    for unit_s, letter in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "m")):
        if seconds >= 2 * unit_s:
            return f"{seconds // unit_s}{letter}"
    return f"{seconds}s"


def _ready_containers(pod: Object) -> str:
    statuses = at(pod, "status.containerStatuses", [])
    return f"{sum(s['ready'] for s in statuses)}/{len(pod['spec']['containers'])}"


def _pod_status(pod: Object) -> str:
    if being_deleted(pod):
        return "Terminating"
    for status in [
        *at(pod, "status.initContainerStatuses", []),
        *at(pod, "status.containerStatuses", []),
    ]:
        if reason := at(status, "state.waiting.reason"):
            return str(reason)
    return str(at(pod, "status.phase", "Pending"))


def _restarts(pod: Object) -> str:
    return str(sum(s["restartCount"] for s in at(pod, "status.containerStatuses", [])))


def _count(path: str) -> Callable[[Object], Any]:
    return lambda thing: str(at(thing, path, 0))


def _node_status(node: Object) -> str:
    cordoned = ",SchedulingDisabled" if at(node, "spec.unschedulable") else ""
    return f"{'Ready' if is_ready(node) else 'NotReady'}{cordoned}"


_COLUMNS: dict[Kind, dict[str, Callable[[Object], Any]]] = {
    DEPLOYMENT: {
        "Ready": lambda d: f"{at(d, 'status.readyReplicas', 0)}/{d['spec']['replicas']}",
        "Up-to-date": _count("status.updatedReplicas"),
        "Available": _count("status.availableReplicas"),
    },
    REPLICA_SET: {
        "Desired": _count("spec.replicas"),
        "Current": _count("status.replicas"),
        "Ready": _count("status.readyReplicas"),
    },
    POD: {"Ready": _ready_containers, "Status": _pod_status, "Restarts": _restarts},
    NODE: {"Status": _node_status},
    PDB: {
        "Min available": lambda p: str(at(p, "spec.minAvailable", "N/A")),
        "Max unavailable": lambda p: str(at(p, "spec.maxUnavailable", "N/A")),
        "Allowed disruptions": _count("status.disruptionsAllowed"),
    },
}
