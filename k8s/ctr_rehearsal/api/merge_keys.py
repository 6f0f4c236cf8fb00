"""Which lists merge by a key, as the API's types declare it (patchMergeKey in k8s.io/api).

The table is small on purpose: the lists of workloads, services and metadata. Every other list is
exchanged as a whole, which is what Kubernetes does with lists that declare nothing, and with all
lists of a custom resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_BY_NAME = frozenset(
    {"containers", "initContainers", "env", "volumes", "volumeDevices", "imagePullSecrets"}
)
_KEYS = {
    "volumeMounts": "mountPath",
    "topologySpreadConstraints": "topologyKey",
    "ownerReferences": "uid",
    "conditions": "type",
    "hostAliases": "ip",
}
PRIMITIVE_SETS = frozenset({"finalizers"})
"""Lists of strings that merge as sets."""


def merge_key(field: str, *lists: Sequence[Any] | None) -> str | None:
    """Return the key by which a list merges; None exchanges it as a whole.

    Args:
        field: the list's name in its object.
        lists: what stands and what comes; their items tell a container's ports from a service's.
    """
    if field in _BY_NAME:
        return "name"
    if field == "ports":
        items = [item for items in lists for item in items or () if isinstance(item, dict)]
        return "containerPort" if any("containerPort" in item for item in items) else "port"
    return _KEYS.get(field)
