"""Must-haves of the network: closed, but for what is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ctr_k8s.policy.must_have import MustHave, unless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctr_k8s.policy.workload import Workload

DNS = 53
EVERYBODY = frozenset(("0.0.0.0/0", "::/0"))
REDIS = 6379
PEERS = ("CTR_TRITON", "CTR_REDIS_URL", "OTEL_EXPORTER_OTLP_ENDPOINT")


def _closed(workload: Workload, direction: str) -> Iterator[str]:
    yield from unless(
        any(True for _ in workload.policies(direction)), f"no policy closes its {direction.lower()}"
    )
    side = "to" if direction == "Egress" else "from"
    for rule in workload.rules(direction):
        peers = rule.get(side) or ()
        yield from unless(peers, f"a rule of its {direction.lower()} names no peer, so all")
        yield from unless(rule.get("ports"), f"a rule of its {direction.lower()} names no port")
        for peer in peers:
            cidr = (peer.get("ipBlock") or {}).get("cidr")
            named = any((peer.get(kind) or {}).get("matchLabels") for kind in peer)
            yield from unless(
                named or (cidr and cidr not in EVERYBODY),
                f"a rule of its {direction.lower()} lets everybody through",
            )


def _egress(workload: Workload) -> Iterator[str]:
    yield from _closed(workload, "Egress")


def _ingress(workload: Workload) -> Iterator[str]:
    yield from _closed(workload, "Ingress")


def _names(workload: Workload) -> Iterator[str]:
    for protocol in ("UDP", "TCP"):
        asked = any(
            port.get("port") == DNS and port.get("protocol", "TCP") == protocol
            for rule in workload.rules("Egress")
            for port in rule.get("ports") or ()
        )
        yield from unless(asked, f"it may not ask for names over {protocol}")


def _peers(workload: Workload) -> Iterator[str]:
    """What the settings name is let through; a value from a Secret is taken for its usual port."""
    variables = workload.environment()
    for variable in PEERS:
        if variable in variables:
            app, port = _address(variables[variable])
            if app not in {"127.0.0.1", "localhost"}:
                yield from unless(
                    any(_lets(rule, app, port) for rule in workload.rules("Egress")),
                    f"its policies do not let it reach {variable}",
                )


def _address(value: str | None) -> tuple[str | None, int]:
    if value is None:
        return None, REDIS
    parts = urlsplit(value if "://" in value else f"//{value}")
    return parts.hostname, parts.port or 0


def _lets(rule: Mapping[str, Any], app: str | None, port: int) -> bool:
    if all(one.get("port") != port for one in rule.get("ports") or ()):
        return False
    for peer in rule.get("to") or ():
        chosen = ((peer.get("podSelector") or {}).get("matchLabels") or {}).get("app")
        if (app is None and "ipBlock" in peer) or (app is not None and chosen == app):
            return True
    return False


def _heard(workload: Workload) -> Iterator[str]:
    """Each port that a Service or a monitor leads to is one that a policy opens."""
    named = {port.get("name") for port in workload.main.get("ports") or ()}
    opened = {
        port.get("port") for rule in workload.rules("Ingress") for port in rule.get("ports") or ()
    }
    for service in workload.of_kind("Service"):
        spec = service["spec"]
        if spec.get("selector", {}).items() <= workload.labels.items():
            for port in spec["ports"]:
                target = port.get("targetPort", port["port"])
                yield from unless(
                    target in opened and target in named,
                    f"Service {service['metadata']['name']} leads to {target}, which is closed",
                )


NETWORK = (
    MustHave("egress-closed", "Nobody calls out, but to named peers on named ports.", _egress),
    MustHave("ingress-closed", "Nobody calls in, but named peers on named ports.", _ingress),
    MustHave("names", "It can ask for names.", _names),
    MustHave("peers", "What its settings name, its policies let it reach.", _peers),
    MustHave("heard", "What Services lead to, policies let in.", _heard),
)
