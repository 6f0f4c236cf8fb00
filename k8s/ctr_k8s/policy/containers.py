"""Must-haves of every container."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ctr_k8s.documents import deep
from ctr_k8s.policy.must_have import MustHave, unless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ctr_k8s.policy.workload import Workload

BY_DIGEST = re.compile(r"[^@]+@sha256:[0-9a-f]{64}")
GPU = "nvidia.com/gpu"


def _each(
    judge: Callable[[Mapping[str, Any]], Iterable[str]],
) -> Callable[[Workload], Iterator[str]]:
    """Judge all containers of a workload, and say which one lacks something."""

    def lacks(workload: Workload) -> Iterator[str]:
        for container in workload.all_containers:
            for phrase in judge(container):
                yield f"container {container['name']}: {phrase}"

    return lacks


def _escalation(container: Mapping[str, Any]) -> Iterable[str]:
    context = container.get("securityContext") or {}
    yield from unless(
        context.get("allowPrivilegeEscalation") is False, "allowPrivilegeEscalation is not false"
    )
    yield from unless(not context.get("privileged"), "it is privileged")


def _read_only(container: Mapping[str, Any]) -> Iterable[str]:
    told = deep(container, "securityContext", "readOnlyRootFilesystem")
    yield from unless(told is True, "its root filesystem is writable")


def _capabilities(container: Mapping[str, Any]) -> Iterable[str]:
    told = deep(container, "securityContext", "capabilities") or {}
    yield from unless(told.get("drop") == ["ALL"], "it does not drop all capabilities")
    yield from unless(not told.get("add"), "it adds capabilities")


def _not_softened(container: Mapping[str, Any]) -> Iterable[str]:
    context = container.get("securityContext") or {}
    for field in ("runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile", "procMount"):
        yield from unless(field not in context, f"{field} overrides the pod's")


def _requests(container: Mapping[str, Any]) -> Iterable[str]:
    requests = deep(container, "resources", "requests") or {}
    for resource in ("cpu", "memory"):
        yield from unless(requests.get(resource), f"it requests no {resource}")


def _memory_limit(container: Mapping[str, Any]) -> Iterable[str]:
    limit = deep(container, "resources", "limits", "memory")
    request = deep(container, "resources", "requests", "memory")
    yield from unless(limit and limit == request, "its memory limit is not its request")


def _digest(container: Mapping[str, Any]) -> Iterable[str]:
    image = str(container.get("image", ""))
    yield from unless(BY_DIGEST.fullmatch(image), f"image {image} is not named by digest")


def _model_images(workload: Workload) -> Iterator[str]:
    for volume in workload.pod.get("volumes") or ():
        reference = deep(volume, "image", "reference")
        if "image" in volume:
            yield from unless(
                BY_DIGEST.fullmatch(str(reference)), f"image {reference} is not named by digest"
            )


def _model_first(workload: Workload) -> Iterator[str]:
    names = [container["name"] for container in workload.init_containers]
    yield from unless("model" not in names or names[0] == "model", "the model comes too late")


def _model_copied(workload: Workload) -> Iterator[str]:
    for container in workload.init_containers:
        if container["name"] == "model":
            places = [mount["mountPath"] for mount in container.get("volumeMounts") or ()]
            wanted = [["cp", "-a", "/bundle", f"{place}/"] for place in places]
            yield from unless(
                container.get("command") in wanted, "the model's command copies it nowhere"
            )


def _gpu(workload: Workload) -> Iterator[str]:
    tolerated = any(one.get("key") == GPU for one in workload.pod.get("tolerations") or ())
    yield from unless(tolerated, "it does not tolerate the taint of GPU nodes")
    product = (workload.pod.get("nodeSelector") or {}).get("nvidia.com/gpu.product")
    yield from unless(product, "it names no kind of GPU, and a plan runs on one kind alone")
    for container in workload.containers:
        if container["name"] in {"triton", "build"}:
            limit = deep(container, "resources", "limits", GPU)
            yield from unless(limit, f"container {container['name']} asks for no GPU")


def _on_gpu(workload: Workload) -> bool:
    return workload.app in {"triton", "tensorrt-build"} or any(
        container["name"] == "triton" for container in workload.all_containers
    )


CONTAINERS = (
    MustHave("no-escalation", "No process gains rights.", _each(_escalation)),
    MustHave("read-only-root", "Nobody writes where the image is.", _each(_read_only)),
    MustHave("no-capabilities", "No capability of root is left.", _each(_capabilities)),
    MustHave(
        "not-softened", "No container takes back what its pod promises.", _each(_not_softened)
    ),
    MustHave("requests", "The scheduler knows what a container needs.", _each(_requests)),
    MustHave(
        "memory-limit",
        "Memory is limited to what was asked for, so that no neighbour's growth evicts it.",
        _each(_memory_limit),
    ),
    MustHave("image-by-digest", "An image is named by what it holds.", _each(_digest)),
    MustHave("model-by-digest", "The same for a model that is mounted as an image.", _model_images),
    MustHave("model-copied", "The init container of the model copies it.", _model_copied),
    MustHave("model-first", "The model is there before anything reads it.", _model_first),
    MustHave("gpu", "What needs a GPU asks for one, of the plan's kind.", _gpu, _on_gpu),
)
