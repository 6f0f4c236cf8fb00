"""What a cluster fills in and what it refuses, where the rest of the emulator relies on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_rehearsal.api.kinds import DEPLOYMENT, POD, REPLICA_SET
from ctr_rehearsal.errors import ApiError
from ctr_rehearsal.objects import at, matches, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctr_rehearsal.api.kinds import Kind
    from ctr_rehearsal.objects import Object

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_PROBE = {"periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}


def with_defaults(kind: Kind, thing: Object) -> None:
    """Fill in the defaults of k8s.io/kubernetes/pkg/apis that decide how workloads move.

    Raises:
        ApiError: 422, a workload that a cluster would not take either.
    """
    if kind not in (DEPLOYMENT, REPLICA_SET, POD):
        return
    spec = thing.setdefault("spec", {})
    if kind is POD:
        _pod_defaults(spec)
        return
    spec.setdefault("replicas", 1)
    spec.setdefault("minReadySeconds", 0)
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    _pod_defaults(template.setdefault("spec", {}))
    if kind is DEPLOYMENT:
        _deployment_defaults(spec)
    if not matches(spec.get("selector"), at(template, "metadata.labels", {})):
        raise _invalid(kind, thing, "spec.selector does not match the labels of spec.template")


def unchanged_where_fixed(kind: Kind, old: Object, new: Object) -> None:
    """Check the fields that no update may change.

    Raises:
        ApiError: 422, one of them changed.
    """
    if kind in (DEPLOYMENT, REPLICA_SET) and at(old, "spec.selector") != at(new, "spec.selector"):
        raise _invalid(kind, new, "spec.selector is immutable")


def _deployment_defaults(spec: Object) -> None:
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {}) or {}
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
        strategy["rollingUpdate"] = rolling


def _pod_defaults(spec: Object) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for container in all_containers(spec):
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")
        for name in PROBES:
            if container.get(name):
                for field, value in _PROBE.items():
                    container[name].setdefault(field, value)


def all_containers(spec: Object) -> Iterable[Object]:
    """Return init containers and containers of a pod's spec."""
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _invalid(kind: Kind, thing: Object, what: str) -> ApiError:
    return ApiError(422, "Invalid", f'{kind.kind} "{name_of(thing)}" is invalid: {what}')
