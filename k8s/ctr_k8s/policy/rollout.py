"""Must-haves of whatever serves: no request is lost while pods come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_k8s.documents import deep
from ctr_k8s.policy.must_have import MustHave, unless
from ctr_k8s.policy.workload import patience_s, selects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_k8s.policy.workload import Workload

LEAST_REPLICAS = 2
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
HOSTNAME = "kubernetes.io/hostname"
LIVENESS_PATIENCE_S = 30.0
"""Below this a slow minute of a loaded node restarts pods, and makes it slower."""


def _is_server(workload: Workload) -> bool:
    return workload.is_server


def _is_deployment(workload: Workload) -> bool:
    return workload.is_deployment


def _is_needed(workload: Workload) -> bool:
    return workload.is_server and workload.labels.get("track") != "canary"


def _probes(workload: Workload) -> Iterator[str]:
    for container in workload.containers:
        for probe in PROBES:
            yield from unless(container.get(probe), f"container {container['name']} has no {probe}")


def _sidecar_probes(workload: Workload) -> Iterator[str]:
    for container in workload.init_containers:
        if container.get("restartPolicy") == "Always":
            for probe in ("startupProbe", "livenessProbe"):
                yield from unless(
                    container.get(probe), f"sidecar {container['name']} has no {probe}"
                )


def _liveness(workload: Workload) -> Iterator[str]:
    patience = patience_s(workload.main.get("livenessProbe"))
    yield from unless(
        patience >= LIVENESS_PATIENCE_S,
        f"liveness has {patience:g} s of patience, not {LIVENESS_PATIENCE_S:g}",
    )


def _surge(workload: Workload) -> Iterator[str]:
    strategy = deep(workload.document, "spec", "strategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    yield from unless(strategy.get("type") == "RollingUpdate", "it does not roll")
    yield from unless(rolling.get("maxUnavailable") == 0, "maxUnavailable is not 0")
    yield from unless(rolling.get("maxSurge"), "it has no surge")


def _settled(workload: Workload) -> Iterator[str]:
    yield from unless(
        deep(workload.document, "spec", "minReadySeconds"),
        "a pod that dies at once counts as ready",
    )


def _pre_stop(workload: Workload) -> Iterator[str]:
    yield from unless(
        workload.pre_stop_s > workload.lag_s,
        f"preStop sleeps {workload.pre_stop_s:g} s, endpoints lag {workload.lag_s:g} s",
    )


def _grace(workload: Workload) -> Iterator[str]:
    grace = float(workload.pod.get("terminationGracePeriodSeconds") or 0)
    if workload.is_gateway:
        # 0.5 s: the gateway waits at most so long for callers to fall silent (lifecycle.py).
        drain = workload.number("CTR_DRAIN_DELAY_S") + 0.5 + workload.number("CTR_GRACE_S", 11.0)
    else:
        drain = max(
            (
                float(argument.partition("=")[2])
                for argument in workload.main.get("args") or ()
                if argument.startswith("--exit-timeout-secs=")
            ),
            default=float("inf"),
        )
    needed = workload.pre_stop_s + drain
    yield from unless(grace > needed, f"it is killed after {grace:g} s and needs {needed:g}")


def _deadline(workload: Workload) -> Iterator[str]:
    deadline = float(deep(workload.document, "spec", "progressDeadlineSeconds") or 0)
    settle = float(deep(workload.document, "spec", "minReadySeconds") or 0)
    sidecars = sum(
        patience_s(container.get("startupProbe"))
        for container in workload.init_containers
        if container.get("restartPolicy") == "Always"
    )
    needed = sidecars + patience_s(workload.main.get("startupProbe")) + settle
    yield from unless(
        deadline > needed, f"its progress deadline is {deadline:g} s, a start may take {needed:g}"
    )


def _not_alone(workload: Workload) -> Iterator[str]:
    name = workload.document["metadata"]["name"]
    scaled = [
        spec.get("minReplicas", spec.get("minReplicaCount"))
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for spec in (one["spec"] for one in workload.of_kind(kind))
        if deep(spec, "scaleTargetRef", "name") == name
    ]
    stated = deep(workload.document, "spec", "replicas")
    # An apply of stated replicas would set back what the autoscaler chose.
    yield from unless(not scaled or stated is None, "both it and an autoscaler say how many")
    yield from unless(len(scaled) <= 1, "two autoscalers scale it")
    least = min(scaled, default=stated) or 1
    yield from unless(least >= LEAST_REPLICAS, f"there may be {least} of it alone")


def _history(workload: Workload) -> Iterator[str]:
    kept = deep(workload.document, "spec", "revisionHistoryLimit")
    yield from unless(kept is None or kept >= 1, "`rollout undo` has nothing to go back to")


def _budget(workload: Workload) -> Iterator[str]:
    budgets = [
        budget
        for budget in workload.of_kind("PodDisruptionBudget")
        if selects(deep(budget, "spec", "selector") or {}, workload.labels)
    ]
    if len(budgets) != 1:
        # The eviction API refuses every eviction of a pod that two budgets hold.
        yield f"{len(budgets)} disruption budgets hold its pods, not 1"
        return
    spec = budgets[0]["spec"]
    yield from unless(spec.get("maxUnavailable") == 1, "more than one pod may be evicted at once")
    yield from unless(
        spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow", "a broken pod holds up a drain"
    )


def _spread(workload: Workload) -> Iterator[str]:
    nodes = [
        one
        for one in workload.pod.get("topologySpreadConstraints") or ()
        if one.get("topologyKey") == HOSTNAME
    ]
    yield from unless(nodes, "all its pods may stand on one node")
    for one in workload.pod.get("topologySpreadConstraints") or ():
        counted = deep(one, "labelSelector", "matchLabels")
        yield from unless(counted == {"app": workload.app}, "its spread counts other pods")
        yield from unless(
            one.get("matchLabelKeys") == ["pod-template-hash"], "old pods count in its spread"
        )


ROLLOUT = (
    MustHave(
        "probes",
        "Each container is asked whether it started, serves and lives.",
        _probes,
        _is_deployment,
    ),
    MustHave(
        "sidecar-probes",
        "A sidecar holds its pod's start until it is ready, and is restarted when it hangs.",
        _sidecar_probes,
    ),
    MustHave("patient-liveness", "Load alone restarts nobody.", _liveness, _is_deployment),
    MustHave("surge", "A rollout adds a pod before it takes one.", _surge, _is_server),
    MustHave("min-ready", "A new pod has to stay ready to count.", _settled, _is_server),
    MustHave(
        "pre-stop",
        "A pod that ends serves until no endpoint leads to it.",
        _pre_stop,
        _is_server,
    ),
    MustHave(
        "grace", "The kill comes after preStop, drain and the last request.", _grace, _is_server
    ),
    MustHave(
        "progress-deadline",
        "A rollout that hangs fails, and a slow start is not taken for one.",
        _deadline,
        _is_server,
    ),
    MustHave(
        "not-alone",
        "There are two at least, and one place says how many.",
        _not_alone,
        _is_needed,
    ),
    MustHave("history", "There is a revision to go back to.", _history, _is_deployment),
    MustHave("disruption-budget", "A node's drain takes one pod at a time.", _budget, _is_server),
    MustHave("spread", "One node's loss is not everybody's.", _spread, _is_server),
)
