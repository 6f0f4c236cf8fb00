"""Must-haves of the gateway: its probes and settings fit together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctr_k8s.documents import deep
from ctr_k8s.policy.must_have import MustHave, unless
from ctr_k8s.policy.rollout import PROBES
from ctr_k8s.policy.workload import patience_s, selects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_k8s.policy.workload import Workload

READINESS, LIVENESS = "ctr.v1.PredictionService", "liveness"
"""Health services of the gateway (service/ctr_service/server/health.py)."""
WARM_UP_S = 60.0
"""The least patience with a start: the demo's bundle warms up in seconds, larger ones in tens."""
MAX_DEADLINE_S = 10.0
"""Default of CTR_MAX_DEADLINE_S: the longest that an accepted request may take."""
AGE_JITTER = 1.1
"""gRPC spreads a connection's age by 10 % either way."""
HASHED = re.compile(r".+-[a-z0-9]{10}")
LOOPBACK = ("127.", "localhost", "::1")


def _is_gateway(workload: Workload) -> bool:
    return workload.is_gateway


def _is_stable(workload: Workload) -> bool:
    return workload.is_gateway and workload.labels.get("track") == "stable"


def _command(workload: Workload) -> Iterator[str]:
    command = workload.main.get("command")
    yield from unless(command == ["ctr-service", "serve"], f"its command is {command}")
    # Flags win over variables, which the other must-haves read.
    yield from unless(not workload.main.get("args"), "it has flags beside its variables")


def _quota(workload: Workload) -> Iterator[str]:
    limit = deep(workload.main, "resources", "limits", "cpu")
    whole = re.fullmatch(r"[1-9][0-9]*", str(limit))
    yield from unless(whole, f"its CPU limit is {limit}, and sessions are cut to whole CPUs")


def _native(workload: Workload) -> Iterator[str]:
    for probe in PROBES:
        yield from unless(deep(workload.main, probe, "grpc"), f"{probe} is no native gRPC probe")


def _warm_up(workload: Workload) -> Iterator[str]:
    patience = patience_s(workload.main.get("startupProbe"))
    yield from unless(patience >= WARM_UP_S, f"a start has {patience:g} s, not {WARM_UP_S:g}")
    service = deep(workload.main, "startupProbe", "grpc", "service")
    yield from unless(service == READINESS, f"the start ends before {READINESS} serves")


def _readiness(workload: Workload) -> Iterator[str]:
    service = deep(workload.main, "readinessProbe", "grpc", "service")
    yield from unless(service == READINESS, f"readiness does not ask {READINESS}")


def _liveness(workload: Workload) -> Iterator[str]:
    service = deep(workload.main, "livenessProbe", "grpc", "service")
    yield from unless(service == LIVENESS, "liveness follows drain and dependencies")


def _probe_port(workload: Workload) -> Iterator[str]:
    variables = workload.environment()
    secured = "CTR_TLS_CERTIFICATE" in variables
    port = workload.number("CTR_HEALTH_PORT" if secured else "CTR_PORT", 0 if secured else 8500)
    for probe in PROBES:
        asked = deep(workload.main, probe, "grpc", "port")
        yield from unless(asked == port, f"{probe} asks port {asked}, clear health is on {port:g}")


def _ports(workload: Workload) -> Iterator[str]:
    ports = {port.get("name"): port["containerPort"] for port in workload.main.get("ports") or ()}
    for name, variable, usual in (
        ("grpc", "CTR_PORT", 8500),
        ("metrics", "CTR_METRICS_PORT", 8501),
    ):
        told = int(workload.number(variable, usual))
        yield from unless(ports.get(name) == told, f"port {name} is not {variable}'s {told}")
    probed = workload.number("CTR_HEALTH_PORT")
    yield from unless(not probed or ports.get("health") == probed, f"no port health is {probed:g}")


def _reachable(workload: Workload) -> Iterator[str]:
    variables = workload.environment()
    for variable in ("CTR_HOST", "CTR_METRICS_HOST"):
        told = variables.get(variable, "127.0.0.1")
        yield from unless(
            told is None or not told.startswith(LOOPBACK), f"{variable} is the pod's loopback"
        )


def _move_on(workload: Workload) -> Iterator[str]:
    yield from unless(
        workload.number("CTR_MAX_CONNECTION_AGE_S") > 0, "connections never look for new pods"
    )


def _outlasts(workload: Workload) -> Iterator[str]:
    served_s = workload.pre_stop_s - workload.lag_s + workload.number("CTR_DRAIN_DELAY_S")
    needed_s = AGE_JITTER * workload.number("CTR_MAX_CONNECTION_AGE_S")
    yield from unless(
        served_s >= needed_s > 0,
        f"a pod that left the endpoints serves {served_s:g} s more, connections last {needed_s:g}",
    )


def _drains(workload: Workload) -> Iterator[str]:
    yield from unless(workload.number("CTR_DRAIN_DELAY_S") > 0, "it does not drain")


def _finishes(workload: Workload) -> Iterator[str]:
    longest = workload.number("CTR_MAX_DEADLINE_S", MAX_DEADLINE_S)
    yield from unless(
        workload.number("CTR_GRACE_S", 11.0) > longest, "an accepted request may be cut off"
    )


def _hashed(workload: Workload) -> Iterator[str]:
    sources = [
        deep(source, "configMapRef", "name") for source in workload.main.get("envFrom") or ()
    ]
    yield from unless(sources, "its settings come from no ConfigMap")
    for name in sources:
        yield from unless(
            workload.named("ConfigMap", str(name)) and HASHED.fullmatch(str(name)),
            f"ConfigMap {name} does not change its name with its content, so pods would not roll",
        )


def _no_secrets(workload: Workload) -> Iterator[str]:
    for configmap in workload.of_kind("ConfigMap"):
        for key, value in (configmap.get("data") or {}).items():
            if key.startswith("CTR_"):
                yield from unless(
                    not re.search(r"://[^/]*@", value), f"{key} in a ConfigMap holds a password"
                )


def _mounted(workload: Workload) -> Iterator[str]:
    mounts = [mount["mountPath"] for mount in workload.main.get("volumeMounts") or ()]
    for variable, value in workload.environment().items():
        if variable.startswith("CTR_") and value is not None and value.startswith("/"):
            yield from unless(
                any(value.startswith(f"{mount}/") for mount in mounts),
                f"{variable} is {value}, where nothing is mounted",
            )


def _headless(workload: Workload) -> Iterator[str]:
    found = any(
        deep(service, "spec", "clusterIP") == "None"
        and selects({"matchLabels": deep(service, "spec", "selector")}, workload.labels)
        for service in workload.of_kind("Service")
    )
    yield from unless(found, "no headless Service names its pods to balancing clients")


def _service(workload: Workload) -> Iterator[str]:
    serving = [
        service
        for service in workload.of_kind("Service")
        if deep(service, "spec", "selector", "app") == workload.app
        and selects({"matchLabels": deep(service, "spec", "selector")}, workload.labels)
    ]
    yield from unless(serving, "no Service leads to it")
    for service in serving:
        track = deep(service, "spec", "selector", "track")
        yield from unless(track, f"Service {service['metadata']['name']} mixes canary and stable")


GATEWAYS = (
    MustHave(
        "serves", "It runs `ctr-service serve`, told by variables alone.", _command, _is_gateway
    ),
    MustHave(
        "cpu-quota",
        "It is told how many CPUs it has: without a quota it takes the node's for its own.",
        _quota,
        _is_gateway,
    ),
    MustHave("native-probes", "kubelet itself speaks gRPC to it.", _native, _is_gateway),
    MustHave("startup-covers-warm-up", "A start is over when warm-up is.", _warm_up, _is_gateway),
    MustHave(
        "readiness-follows-drain",
        "Readiness asks what turns off at a drain.",
        _readiness,
        _is_gateway,
    ),
    MustHave(
        "liveness-follows-nothing",
        "No dependency's fault, and no drain, restarts a pod.",
        _liveness,
        _is_gateway,
    ),
    MustHave("probe-port-in-clear", "Probes ask where no TLS is spoken.", _probe_port, _is_gateway),
    MustHave("ports-meet-settings", "Ports are those that it listens on.", _ports, _is_gateway),
    MustHave("reachable", "It listens where others can reach it.", _reachable, _is_gateway),
    MustHave("connections-move-on", "Clients find pods that came later.", _move_on, _is_gateway),
    MustHave("drains", "After SIGTERM it serves on with NOT_SERVING.", _drains, _is_gateway),
    MustHave(
        "drain-outlasts-connections",
        "Every old connection has moved on before a pod stops accepting.",
        _outlasts,
        _is_gateway,
    ),
    MustHave("finishes-accepted", "What was accepted is answered.", _finishes, _is_gateway),
    MustHave("settings-roll-pods", "A changed setting is a rollout.", _hashed, _is_gateway),
    MustHave("no-secret-settings", "Passwords are in Secrets.", _no_secrets, _is_gateway),
    MustHave("files-mounted", "Files that settings name are there.", _mounted, _is_gateway),
    MustHave("headless-service", "Clients can balance by themselves.", _headless, _is_stable),
    MustHave("own-service", "Its Service leads to its own track.", _service, _is_gateway),
)
