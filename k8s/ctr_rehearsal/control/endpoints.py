"""Which pods a Service leads to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_rehearsal.objects import (
    at,
    being_deleted,
    is_ready,
    labels_of,
    matches,
    name_of,
    owned_by,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_rehearsal.objects import Object

PORTS = "rehearsal.ctr/ports"
"""Annotation of a pod: JSON, container port -> port of 127.0.0.1."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address behind a Service: the pod's name, and the host:port of this machine."""

    pod: str
    address: str


def endpoints_of(
    service: Object, port: int | str, pods: Sequence[Object], ports: dict[str, dict[int, int]]
) -> tuple[Endpoint, ...]:
    """Return the endpoints of a Service's port, by name of the pod.

    Args:
        service: it; with publishNotReadyAddresses pods count before they are ready.
        port: number or name of the Service's port.
        pods: of its namespace.
        ports: pod name -> container port -> port of 127.0.0.1.
    """
    spec = service["spec"]
    selector = {"matchLabels": spec["selector"]} if spec.get("selector") else None
    found = []
    for pod in sorted(pods, key=name_of):
        if not matches(selector, labels_of(pod)):
            continue
        if not spec.get("publishNotReadyAddresses") and (not is_ready(pod) or being_deleted(pod)):
            continue
        number = target_port(service, port, pod)
        mine = ports.get(name_of(pod), {})
        if number in mine:
            found.append(Endpoint(name_of(pod), f"127.0.0.1:{mine[number]}"))
    return tuple(found)


def target_port(service: Object, port: int | str, pod: Object) -> int | None:
    """Return the container port behind a Service's port; None when the pod has not got it."""
    for one in service["spec"].get("ports") or ():
        if port in (one["port"], one.get("name")):
            target = one.get("targetPort", one["port"])
            return target if isinstance(target, int) else named_port(pod, target)
    return None


def named_port(pod: Object, name: str) -> int | None:
    """Return the number of a container port by its name."""
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("name") == name:
                return int(port["containerPort"])
    return None


def slice_of(service: Object, port: Object, pod: Object, host_port: int) -> Object:
    """Return an EndpointSlice of one pod: each has its own port on this machine."""
    ready = is_ready(pod) and not being_deleted(pod)
    return {
        "metadata": {
            "name": f"{name_of(service)}-{name_of(pod)}-{port.get('name') or port['port']}",
            "namespace": service["metadata"]["namespace"],
            "labels": {"kubernetes.io/service-name": name_of(service)},
            "ownerReferences": owned_by(service),
        },
        "addressType": "IPv4",
        "ports": [{"name": port.get("name", ""), "port": host_port, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": ["127.0.0.1"],
                "conditions": {
                    "ready": ready,
                    "serving": is_ready(pod),
                    "terminating": being_deleted(pod),
                },
                "nodeName": at(pod, "spec.nodeName", ""),
                "targetRef": {"kind": "Pod", "name": name_of(pod)},
            }
        ],
    }
