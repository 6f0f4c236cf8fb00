"""Must-haves of every pod: who it runs as, and what it may reach on its node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_k8s.documents import deep
from ctr_k8s.policy.must_have import MustHave, unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_k8s.policy.workload import Workload

RESTRICTED_VOLUMES = frozenset(
    (
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
        *("persistentVolumeClaim", "projected", "secret"),
    )
)
"""Pod Security, level restricted, and `image`, whose content is read-only."""
HOST = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")


def _namespace(workload: Workload) -> Iterator[str]:
    named = tuple(workload.of_kind("Namespace"))
    level = named and deep(named[0], "metadata", "labels", "pod-security.kubernetes.io/enforce")
    yield from unless(level == "restricted", "its namespace does not enforce `restricted`")


def _non_root(workload: Workload) -> Iterator[str]:
    context = workload.pod.get("securityContext") or {}
    yield from unless(context.get("runAsNonRoot") is True, "runAsNonRoot is not true")
    for field in ("runAsUser", "runAsGroup"):
        # A number, as the kubelet cannot tell whether a name of the image is root.
        yield from unless((context.get(field) or 0) > 0, f"{field} is no number above 0")


def _seccomp(workload: Workload) -> Iterator[str]:
    kind = deep(workload.pod, "securityContext", "seccompProfile", "type")
    yield from unless(kind == "RuntimeDefault", "seccompProfile is not RuntimeDefault")


def _no_token(workload: Workload) -> Iterator[str]:
    told = workload.pod.get("automountServiceAccountToken")
    yield from unless(told is False, "its pods get a token of the API")


def _own_account(workload: Workload) -> Iterator[str]:
    name = workload.pod.get("serviceAccountName") or ""
    account = workload.named("ServiceAccount", name)
    if account is None:
        yield "it has no ServiceAccount of its own"
    else:
        told = account.get("automountServiceAccountToken")
        yield from unless(told is False, "its ServiceAccount hands its token out")


def _no_links(workload: Workload) -> Iterator[str]:
    told = workload.pod.get("enableServiceLinks")
    yield from unless(told is False, "variables of Services get into its environment")


def _no_host(workload: Workload) -> Iterator[str]:
    for field in HOST:
        yield from unless(not workload.pod.get(field), f"{field} is on")
    for container in workload.all_containers:
        for port in container.get("ports") or ():
            yield from unless(
                "hostPort" not in port, f"{container['name']} takes a port of the node"
            )


def _volumes(workload: Workload) -> Iterator[str]:
    for volume in workload.pod.get("volumes") or ():
        kinds = set(volume) - {"name"}
        yield from unless(
            kinds and kinds <= RESTRICTED_VOLUMES,
            f"volume {volume['name']} is of a kind that `restricted` forbids, or of none",
        )


def _bounded(workload: Workload) -> Iterator[str]:
    for volume in workload.pod.get("volumes") or ():
        if "emptyDir" in volume:
            bounded = (volume["emptyDir"] or {}).get("sizeLimit")
            yield from unless(bounded, f"volume {volume['name']} may fill the node's disk")


def _mounts_meet(workload: Workload) -> Iterator[str]:
    volumes = {volume["name"] for volume in workload.pod.get("volumes") or ()}
    mounted = {
        mount["name"]
        for container in workload.all_containers
        for mount in container.get("volumeMounts") or ()
    }
    for name in sorted(mounted - volumes):
        yield f"volume {name} is mounted and not there"
    for name in sorted(volumes - mounted):
        yield f"volume {name} is there and not mounted"


def _selector(workload: Workload) -> Iterator[str]:
    chosen = deep(workload.document, "spec", "selector", "matchLabels") or {}
    yield from unless(
        chosen and chosen.items() <= workload.labels.items(), "its selector misses its pods"
    )
    if workload.is_gateway:
        yield from unless(set(chosen) == {"app", "track"}, "its selector leaves app or track out")
    for other in workload.of_kind("Deployment"):
        if other is not workload.document:
            theirs = deep(other, "spec", "template", "metadata", "labels") or {}
            yield from unless(
                not chosen.items() <= theirs.items(),
                f"its selector chooses pods of {other['metadata']['name']}",
            )


def _secrets(workload: Workload) -> Iterator[str]:
    for volume in workload.pod.get("volumes") or ():
        if "secret" in volume:
            named = volume["secret"].get("secretName")
            yield from unless(named, f"volume {volume['name']} names no Secret")
    for container in workload.all_containers:
        for variable in container.get("env") or ():
            reference = deep(variable, "valueFrom", "secretKeyRef")
            yield from unless(
                reference is None or (reference.get("name") and reference.get("key")),
                f"{variable['name']} names no Secret and key",
            )


def _read_only(workload: Workload) -> Iterator[str]:
    given = {
        volume["name"]
        for volume in workload.pod.get("volumes") or ()
        if not {"emptyDir", "persistentVolumeClaim"} & set(volume) or volume["name"] == "model"
    }
    for container in workload.all_containers:
        for mount in container.get("volumeMounts") or ():
            # The init container `model` is who fills the volume.
            if mount["name"] in given and container["name"] != "model":
                yield from unless(
                    mount.get("readOnly") is True,
                    f"container {container['name']} may write {mount['name']}",
                )


def _is_deployment(workload: Workload) -> bool:
    return workload.is_deployment


PODS = (
    MustHave(
        "restricted-namespace",
        "The namespace enforces Pod Security's level `restricted`.",
        _namespace,
    ),
    MustHave("non-root", "Pods run as a user that is not root, by number.", _non_root),
    MustHave("seccomp", "Pods run under the runtime's seccomp profile.", _seccomp),
    MustHave("no-api-token", "No pod holds a token of the Kubernetes API.", _no_token),
    MustHave(
        "own-service-account",
        "Each workload has a ServiceAccount of its own, so that rights of one are none of another.",
        _own_account,
    ),
    MustHave(
        "no-service-links",
        "Services put no variables into pods: one called ctr would set CTR_PORT.",
        _no_links,
    ),
    MustHave(
        "no-host-access", "Pods share no network, process space or port with the node.", _no_host
    ),
    MustHave("restricted-volumes", "Volumes are of the kinds that `restricted` allows.", _volumes),
    MustHave("bounded-scratch", "What a pod may write on its node is bounded.", _bounded),
    MustHave(
        "volumes-meet-mounts", "Each mount has its volume and each volume its mount.", _mounts_meet
    ),
    MustHave("secrets-named", "A Secret that is needed is named.", _secrets),
    MustHave(
        "read-only-content",
        "Who serves a model, or reads a certificate or a setting, cannot change it.",
        _read_only,
    ),
    MustHave(
        "selector",
        "A Deployment chooses its own pods and nobody else's.",
        _selector,
        _is_deployment,
    ),
)
