"""For each must-have, the ways to take it out of a rendered workload.

A mutation changes the objects in place and returns whether there was something to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctr_k8s.documents import deep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from ctr_k8s.policy.workload import Workload

    Mutation: TypeAlias = Callable[[Workload], bool]

ABSENT = object()
POD = ("spec", "template", "spec")


def put(*path: str | int, value: object = ABSENT) -> Mutation:
    """Set what stands at a path of the workload, or remove it."""
    return lambda workload: put_at(workload.document, path, value)


def pod(*path: str | int, value: object = ABSENT) -> Mutation:
    """The same below the pod's spec."""
    return put(*POD, *path, value=value)


def main(*path: str | int, value: object = ABSENT) -> Mutation:
    """The same below the first container."""
    return pod("containers", 0, *path, value=value)


def last_init(*path: str | int, value: object = ABSENT) -> Mutation:
    """The same below the last init container."""

    def mutate(workload: Workload) -> bool:
        return bool(workload.init_containers) and put_at(workload.init_containers[-1], path, value)

    return mutate


def copying(*path: str | int, value: object = ABSENT) -> Mutation:
    """The same below the init container that copies the model."""

    def mutate(workload: Workload) -> bool:
        return (
            sum(
                put_at(one, path, value)
                for one in workload.init_containers
                if one["name"] == "model"
            )
            > 0
        )

    return mutate


def of_gateways(mutation: Mutation) -> Mutation:
    """Apply a mutation to gateways alone."""
    return lambda workload: workload.is_gateway and mutation(workload)


def setting(name: str, value: str | None) -> Mutation:
    """Set one of the gateway's variables, wherever it stands; None removes it."""

    def mutate(workload: Workload) -> bool:
        environment = workload.main.get("env") or []
        found = name in workload.environment()
        settable = bool(workload.main.get("envFrom"))
        environment[:] = [one for one in environment if one["name"] != name]
        for source in workload.main.get("envFrom") or ():
            configmap = workload.named("ConfigMap", source["configMapRef"]["name"])
            if configmap is not None:
                configmap["data"].pop(name, None)
                if value is not None:
                    configmap["data"][name] = value
        return found or (settable and value is not None)

    return mutate


def others(kind: str, *path: str | int, value: object = ABSENT) -> Mutation:
    """Set or remove something in all objects of a kind."""

    def mutate(workload: Workload) -> bool:
        return sum(put_at(one, path, value) for one in workload.of_kind(kind)) > 0

    return mutate


def without(kind: str, **labels: str) -> Mutation:
    """Make objects of a kind (whose selector chooses by these labels) choose nobody."""

    def mutate(workload: Workload) -> bool:
        changed = False
        for one in workload.of_kind(kind):
            chosen = deep(one, "spec", "selector") or {}
            chosen = chosen.get("matchLabels", chosen)
            if labels.items() <= chosen.items():
                chosen["app"] = "nobody"
                changed = True
        return changed

    return mutate


def policies(change: Callable[[dict[str, Any]], object], direction: str) -> Mutation:
    """Change the policies that hold for the workload in a direction."""

    def mutate(workload: Workload) -> bool:
        found = list(workload.policies(direction))
        for policy in found:
            change(policy["spec"])
        return bool(found)

    return mutate


def rules(change: Callable[[dict[str, Any]], object], direction: str) -> Mutation:
    """Change the rules of those policies."""

    def mutate(workload: Workload) -> bool:
        found = list(workload.rules(direction))
        for rule in found:
            change(dict_of(rule))
        return bool(found)

    return mutate


def dict_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same object, as what it is."""
    assert isinstance(value, dict)
    return value


def volumes(kind: str, value: object) -> Mutation:
    """Make each volume of a kind something else."""

    def mutate(workload: Workload) -> bool:
        changed = False
        for volume in workload.pod.get("volumes") or ():
            if kind in volume:
                name = volume["name"]
                volume.clear()
                volume.update({"name": name, **(value if isinstance(value, dict) else {})})
                changed = True
        return changed

    return mutate


def init_order(workload: Workload) -> bool:
    """Put the first init container last."""
    containers = workload.pod.get("initContainers") or []
    if len(containers) < 2 or containers[0]["name"] != "model":
        return False
    containers.append(containers.pop(0))
    return True


def second_budget(workload: Workload) -> bool:
    """Add a budget that chooses the same pods."""
    assert isinstance(workload.everything, list)
    budgets = list(workload.of_kind("PodDisruptionBudget"))
    workload.everything.extend(budgets)
    return bool(budgets)


def extra_volume(workload: Workload) -> bool:
    """Add a volume that nobody mounts."""
    volumes_ = workload.pod.get("volumes")
    if volumes_ is None:
        return False
    volumes_.append({"name": "extra", "emptyDir": {"sizeLimit": "1Mi"}})
    return True


def each_mount(name: str) -> Mutation:
    """Let containers write a volume."""

    def mutate(workload: Workload) -> bool:
        changed = False
        for container in workload.all_containers:
            for mount in container.get("volumeMounts") or ():
                if mount["name"] == name and mount.pop("readOnly", False):
                    changed = True
        return changed

    return mutate


def no_gpu(workload: Workload) -> bool:
    """Ask for no GPU."""
    return (
        sum(
            (deep(one, "resources", "limits") or {}).pop("nvidia.com/gpu", None) is not None
            for one in workload.containers
        )
        > 0
    )


def put_at(
    holder: Any,  # noqa: ANN401 -- JSON has no narrower type
    path: tuple[str | int, ...],
    value: object,
) -> bool:
    """Set what stands at a path, or remove it where `value` is ABSENT; whether it was there."""
    *way, last = path
    for step in way:
        if isinstance(holder, dict) and step not in holder and value is not ABSENT:
            holder[step] = {}
        holder = deep(holder, step)
    if holder is None:
        return False
    if value is not ABSENT:
        holder[last] = value
        return True
    if isinstance(holder, list) and isinstance(last, int):
        del holder[last]
        return True
    return isinstance(holder, dict) and holder.pop(last, ABSENT) is not ABSENT


def _security(*path: str, value: object = ABSENT) -> Iterator[Mutation]:
    yield main("securityContext", *path, value=value)
    yield last_init("securityContext", *path, value=value)


NO_DIGEST = "registry.example/thing:latest"
MUTATIONS: Mapping[str, tuple[Mutation, ...]] = {
    "restricted-namespace": (
        others("Namespace", "metadata", "labels", "pod-security.kubernetes.io/enforce"),
        others(
            "Namespace",
            *("metadata", "labels", "pod-security.kubernetes.io/enforce"),
            value="baseline",
        ),
    ),
    "non-root": (
        pod("securityContext", "runAsNonRoot"),
        pod("securityContext", "runAsUser"),
        pod("securityContext", "runAsUser", value=0),
        pod("securityContext", "runAsGroup"),
        pod("securityContext"),
    ),
    "seccomp": (
        pod("securityContext", "seccompProfile"),
        pod("securityContext", "seccompProfile", "type", value="Unconfined"),
    ),
    "no-api-token": (
        pod("automountServiceAccountToken"),
        pod("automountServiceAccountToken", value=True),
    ),
    "own-service-account": (
        pod("serviceAccountName"),
        pod("serviceAccountName", value="default"),
        others("ServiceAccount", "automountServiceAccountToken"),
    ),
    "no-service-links": (pod("enableServiceLinks"), pod("enableServiceLinks", value=True)),
    "no-host-access": (
        pod("hostNetwork", value=True),
        pod("hostPID", value=True),
        pod("hostIPC", value=True),
        main("ports", value=[{"containerPort": 1, "hostPort": 1}]),
    ),
    "restricted-volumes": (
        volumes("emptyDir", {"hostPath": {"path": "/"}}),
        volumes("emptyDir", {}),
    ),
    "bounded-scratch": (volumes("emptyDir", {"emptyDir": {}}),),
    "volumes-meet-mounts": (
        pod("volumes", 0),
        extra_volume,
    ),
    "secrets-named": (
        volumes("secret", {"secret": {"defaultMode": 288}}),
        main("env", 0, "valueFrom", "secretKeyRef", "name"),
    ),
    "read-only-content": (each_mount("model"), each_mount("tls"), each_mount("config")),
    "selector": (
        put("spec", "selector", "matchLabels", "app"),
        put("spec", "selector", "matchLabels", "track"),
        put("spec", "selector", "matchLabels", value={"app": "another"}),
        put("spec", "selector", "matchLabels", value={}),
    ),
    "no-escalation": (
        *_security("allowPrivilegeEscalation"),
        *_security("allowPrivilegeEscalation", value=True),
        *_security("privileged", value=True),
        main("securityContext"),
    ),
    "read-only-root": (
        *_security("readOnlyRootFilesystem"),
        *_security("readOnlyRootFilesystem", value=False),
    ),
    "no-capabilities": (
        *_security("capabilities"),
        *_security("capabilities", "drop", value=["NET_RAW"]),
        *_security("capabilities", "add", value=["NET_ADMIN"]),
    ),
    "not-softened": (
        *_security("runAsUser", value=0),
        *_security("runAsNonRoot", value=False),
        *_security("seccompProfile", value={"type": "Unconfined"}),
    ),
    "requests": (
        main("resources", "requests", "cpu"),
        main("resources", "requests", "memory"),
        main("resources"),
        last_init("resources"),
    ),
    "memory-limit": (
        main("resources", "limits", "memory"),
        main("resources", "limits", "memory", value="64Gi"),
    ),
    "image-by-digest": (
        main("image", value=NO_DIGEST),
        last_init("image", value=NO_DIGEST),
        main("image", value="thing@sha256:123"),
    ),
    "model-by-digest": (volumes("image", {"image": {"reference": NO_DIGEST}}),),
    "model-copied": (
        copying("command", 3),
        copying("command", 0),
        copying("command", value=["true"]),
    ),
    "model-first": (init_order,),
    "gpu": (
        pod("tolerations"),
        pod("nodeSelector"),
        no_gpu,
    ),
    "probes": (main("startupProbe"), main("readinessProbe"), main("livenessProbe")),
    "sidecar-probes": (last_init("startupProbe"), last_init("livenessProbe")),
    "patient-liveness": (
        main("livenessProbe", "failureThreshold", value=1),
        main("livenessProbe", "periodSeconds", value=1),
        main("livenessProbe"),
    ),
    "surge": (
        put("spec", "strategy", "rollingUpdate", "maxUnavailable", value="100%"),
        put("spec", "strategy", "rollingUpdate", "maxUnavailable", value=1),
        put("spec", "strategy", "rollingUpdate", "maxUnavailable"),
        put("spec", "strategy", "rollingUpdate", "maxSurge"),
        put("spec", "strategy", "rollingUpdate", "maxSurge", value=0),
        put("spec", "strategy"),
        put("spec", "strategy", value={"type": "Recreate"}),
    ),
    "min-ready": (put("spec", "minReadySeconds"),),
    "pre-stop": (
        main("lifecycle"),
        main("lifecycle", "preStop", "sleep", "seconds", value=1),
        put("metadata", "annotations", "ctr-serve/endpoint-lag-seconds"),
        put("metadata", "annotations", "ctr-serve/endpoint-lag-seconds", value="60"),
    ),
    "grace": (
        pod("terminationGracePeriodSeconds"),
        pod("terminationGracePeriodSeconds", value=5),
        main("lifecycle", "preStop", "sleep", "seconds", value=50),
    ),
    "progress-deadline": (
        put("spec", "progressDeadlineSeconds"),
        put("spec", "progressDeadlineSeconds", value=10),
        main("startupProbe", "failureThreshold", value=5000),
    ),
    "history": (put("spec", "revisionHistoryLimit", value=0),),
    "disruption-budget": (
        without("PodDisruptionBudget"),
        others("PodDisruptionBudget", "spec", "maxUnavailable", value="100%"),
        others("PodDisruptionBudget", "spec", "unhealthyPodEvictionPolicy"),
        second_budget,
    ),
    "spread": (
        pod("topologySpreadConstraints"),
        pod("topologySpreadConstraints", 0),
        pod("topologySpreadConstraints", 0, "matchLabelKeys"),
        pod("topologySpreadConstraints", 0, "labelSelector", "matchLabels", "app"),
    ),
    "not-alone": (
        put("spec", "replicas"),
        put("spec", "replicas", value=1),
        of_gateways(others("HorizontalPodAutoscaler", "spec", "minReplicas", value=1)),
        of_gateways(others("ScaledObject", "spec", "minReplicaCount")),
    ),
    "cpu-quota": (
        main("resources", "limits", "cpu"),
        main("resources", "limits", "cpu", value="1500m"),
    ),
    "serves": (
        main("command"),
        main("command", 1),
        main("args", value=["--drain-delay-s=0"]),
    ),
    "native-probes": tuple(
        main(probe, value={"tcpSocket": {"port": "grpc"}})
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    ),
    "startup-covers-warm-up": (
        main("startupProbe", "failureThreshold", value=3),
        main("startupProbe", "grpc", "service", value="liveness"),
        main("startupProbe"),
    ),
    "readiness-follows-drain": (
        main("readinessProbe", "grpc", "service", value="liveness"),
        main("readinessProbe", "grpc", "service"),
    ),
    "liveness-follows-nothing": (
        main("livenessProbe", "grpc", "service", value="ctr.v1.PredictionService"),
        main("livenessProbe", "grpc", "service"),
    ),
    "probe-port-in-clear": (
        main("readinessProbe", "grpc", "port", value=9999),
        main("livenessProbe", "grpc", "port", value=8501),
        setting("CTR_HEALTH_PORT", None),
    ),
    "ports-meet-settings": (
        setting("CTR_PORT", "9000"),
        setting("CTR_METRICS_PORT", "9001"),
        main("ports", 0),
    ),
    "reachable": (
        setting("CTR_HOST", None),
        setting("CTR_HOST", "127.0.0.1"),
        setting("CTR_METRICS_HOST", "localhost"),
    ),
    "connections-move-on": (
        setting("CTR_MAX_CONNECTION_AGE_S", None),
        setting("CTR_MAX_CONNECTION_AGE_S", "0"),
    ),
    "drains": (setting("CTR_DRAIN_DELAY_S", None), setting("CTR_DRAIN_DELAY_S", "0")),
    "drain-outlasts-connections": (
        setting("CTR_DRAIN_DELAY_S", "1"),
        setting("CTR_MAX_CONNECTION_AGE_S", "600"),
    ),
    "finishes-accepted": (setting("CTR_GRACE_S", "2"), setting("CTR_MAX_DEADLINE_S", "11")),
    "settings-roll-pods": (
        main("envFrom"),
        main("envFrom", 0, "configMapRef", "name", value="ctr-service"),
    ),
    "no-secret-settings": (setting("CTR_REDIS_URL", "redis://user:password@redis:6379/0"),),
    "files-mounted": (
        lambda workload: put_at(workload.main, ("volumeMounts", 0), ABSENT),
        main("volumeMounts"),
        setting("CTR_TOKENS_FILE", "/elsewhere/tokens.toml"),
    ),
    "headless-service": (
        others("Service", "spec", "clusterIP"),
        without("Service", app="ctr-service"),
    ),
    "own-service": (
        without("Service", app="ctr-service"),
        others("Service", "spec", "selector", "track"),
    ),
    "egress-closed": (
        policies(lambda spec: spec.update(policyTypes=["Ingress"]), "Egress"),
        rules(lambda rule: rule.pop("to"), "Egress"),
        rules(lambda rule: rule.update(to=[{"ipBlock": {"cidr": "0.0.0.0/0"}}]), "Egress"),
        rules(lambda rule: rule.update(to=[{"podSelector": {}}]), "Egress"),
        rules(lambda rule: rule.pop("ports"), "Egress"),
    ),
    "ingress-closed": (
        policies(lambda spec: spec.update(policyTypes=["Egress"]), "Ingress"),
        rules(lambda rule: rule.pop("from"), "Ingress"),
        rules(lambda rule: rule.update({"from": [{"namespaceSelector": {}}]}), "Ingress"),
    ),
    "names": (
        rules(lambda rule: rule.update(ports=[{"port": 443}]), "Egress"),
        rules(lambda rule: rule.update(ports=[{"port": 53, "protocol": "UDP"}]), "Egress"),
    ),
    "peers": (
        setting("CTR_REDIS_URL", "redis://elsewhere:6379/0"),
        setting("OTEL_EXPORTER_OTLP_ENDPOINT", "http://elsewhere:4317"),
        setting("CTR_TRITON", "elsewhere:8001"),
    ),
    "heard": (
        rules(lambda rule: rule.update(ports=[{"port": 1}]), "Ingress"),
        rules(lambda rule: rule.update(ports=[]), "Ingress"),
    ),
}
