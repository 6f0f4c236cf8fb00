"""Kubernetes objects as plain JSON, and the few ways in which everything here reads them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object, or a part of one, as JSON holds it."""

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
_HASH_LENGTH = 10


def name_of(thing: Object) -> str:
    """Return metadata.name."""
    return str(thing["metadata"]["name"])


def namespace_of(thing: Object) -> str:
    """Return metadata.namespace; empty for a cluster's own objects."""
    return str(thing["metadata"].get("namespace", ""))


def labels_of(thing: Object) -> dict[str, str]:
    """Return metadata.labels."""
    return dict(thing["metadata"].get("labels") or {})


def at(thing: Any, path: str, default: Any = None) -> Any:  # noqa: ANN401 -- JSON
    """Return what stands under a dotted path, or the default where a part of it is missing."""
    for key in path.split("."):
        if not isinstance(thing, dict) or thing.get(key) is None:
            return default
        thing = thing[key]
    return thing


def owner_uid(thing: Object) -> str | None:
    """Return the uid of the controller that owns an object, None where there is none."""
    for owner in thing["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner["uid"])
    return None


def owned_by(owner: Object) -> list[Object]:
    """Return the metadata.ownerReferences of what `owner` makes."""
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": name_of(owner),
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def being_deleted(thing: Object) -> bool:
    """Say whether somebody asked for an object's deletion."""
    return "deletionTimestamp" in thing["metadata"]


def condition_of(thing: Object, kind: str) -> Object | None:
    """Return a condition of the status by its type."""
    for condition in at(thing, "status.conditions", ()):
        if condition["type"] == kind:
            return dict(condition)
    return None


def is_ready(pod: Object) -> bool:
    """Say whether a pod's Ready condition is true."""
    ready = condition_of(pod, "Ready")
    return ready is not None and ready["status"] == "True"


def matches(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Say whether labels meet a LabelSelector; None meets nothing, an empty one everything.

    Raises:
        ValueError: an operator that Kubernetes does not have.
    """
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_meets(rule, labels) for rule in selector.get("matchExpressions") or ())


def _meets(rule: Object, labels: Mapping[str, str]) -> bool:
    key, operator, values = rule["key"], rule["operator"], rule.get("values") or []
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    raise ValueError(f"a selector has no operator {operator}")


def template_hash(template: Object) -> str:
    """Return a pod template's hash: equal templates, and no others, give the same name."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def seconds_of(text: str) -> float:
    """Return a time as Kubernetes writes it in seconds since the epoch."""
    return dt.datetime.fromisoformat(text).timestamp()


def timestamp(seconds: float) -> str:
    """Return a time since the epoch as Kubernetes writes it, in whole seconds and UTC."""
    moment = dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
