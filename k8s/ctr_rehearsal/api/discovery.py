"""What kubectl asks a server about itself: groups, resources, and what a PATCH takes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from ctr_rehearsal.api.kinds import KINDS

if TYPE_CHECKING:
    from ctr_rehearsal.api.kinds import Kind
    from ctr_rehearsal.objects import Object

VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.0-rehearsal", "platform": "emulator"}
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def api_versions() -> Object:
    """Answer /api."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def api_groups() -> Object:
    """Answer /apis."""
    groups = []
    for group in sorted({kind.group for kind in KINDS if kind.group}):
        versions = sorted({kind.api_version for kind in KINDS if kind.group == group})
        told = [{"groupVersion": v, "version": v.split("/")[1]} for v in versions]
        groups.append({"name": group, "versions": told, "preferredVersion": told[0]})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_resources(api_version: str) -> Object | None:
    """Answer /api/v1 or /apis/GROUP/VERSION; None when there is no such one."""
    kinds = [kind for kind in KINDS if kind.api_version == api_version]
    if not kinds:
        return None
    resources = itertools.chain.from_iterable(_resources(kind) for kind in kinds)
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": list(resources),
    }


def _resources(kind: Kind) -> list[Object]:
    whole: Object = {
        "name": kind.plural,
        "singularName": kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": VERBS,
        "shortNames": list(kind.short),
    }
    subs = {
        "scale": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
        "eviction": {"group": "policy", "version": "v1", "kind": "Eviction"},
    }
    return [
        whole,
        *(
            {
                "name": f"{kind.plural}/{sub}",
                "singularName": "",
                "namespaced": kind.namespaced,
                "kind": kind.kind,
                "verbs": ["create"] if sub == "eviction" else ["get", "patch", "update"],
                **subs.get(sub, {}),
            }
            for sub in kind.subresources
        ),
    ]


def openapi_index() -> Object:
    """Answer /openapi/v3."""
    roots = sorted({kind.root.removeprefix("/") for kind in KINDS})
    return {"paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}?hash=1"} for root in roots}}


def openapi(root: str) -> Object:
    """Answer /openapi/v3/ROOT: only that a PATCH takes dryRun and fieldValidation.

    There are no schemas: kubectl then merges by the types that it carries itself, and `explain` and
    the check of unknown fields do not work here. kubernetes-validate does that elsewhere.
    """
    paths = {}
    for kind in KINDS:
        if kind.root != f"/{root}":
            continue
        place = "/namespaces/{namespace}" if kind.namespaced else ""
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        queries = ("dryRun", "fieldManager", "fieldValidation", "force")
        paths[f"{kind.root}{place}/{kind.plural}/{{name}}"] = {
            "patch": {
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": gvk,
                "parameters": [{"name": name, "in": "query"} for name in queries],
                "responses": {},
            }
        }
    return {"openapi": "3.0.0", "info": {"title": "emulator", "version": "1"}, "paths": paths}
