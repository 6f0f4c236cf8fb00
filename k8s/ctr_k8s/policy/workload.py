"""A rendered workload with what stands around it, as a must-have looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctr_k8s.documents import deep, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ctr_k8s.documents import Document

WORKLOADS = ("Deployment", "Job")
GATEWAY, TRITON = "ctr-service", "triton"
"""Labels `app` of what serves, and so may lose no request when its pods change."""
LAG = "ctr-serve/endpoint-lag-seconds"


@dataclass(frozen=True, slots=True)
class Workload:
    """One Deployment or Job among all objects of its rendering."""

    document: Document
    everything: Sequence[Document]

    @property
    def name(self) -> str:
        """`Deployment/ctr-service`."""
        return name_of(self.document)

    @property
    def app(self) -> str:
        """The pods' label `app`."""
        return str(self.labels.get("app", ""))

    @property
    def labels(self) -> Mapping[str, str]:
        """The pods' labels."""
        return deep(self.document, "spec", "template", "metadata", "labels") or {}

    @property
    def pod(self) -> Mapping[str, Any]:
        """The pods' spec."""
        return deep(self.document, "spec", "template", "spec") or {}

    @property
    def containers(self) -> tuple[Mapping[str, Any], ...]:
        """Those that run all the time."""
        return tuple(self.pod.get("containers") or ())

    @property
    def init_containers(self) -> tuple[Mapping[str, Any], ...]:
        """Those before them; with restartPolicy Always they are sidecars."""
        return tuple(self.pod.get("initContainers") or ())

    @property
    def all_containers(self) -> tuple[Mapping[str, Any], ...]:
        """All."""
        return (*self.init_containers, *self.containers)

    @property
    def main(self) -> Mapping[str, Any]:
        """The first one, which serves."""
        return self.containers[0]

    @property
    def is_deployment(self) -> bool:
        """Whether its pods stay, and are replaced."""
        return bool(self.document["kind"] == "Deployment")

    @property
    def is_server(self) -> bool:
        """Whether callers notice when a pod changes."""
        return self.is_deployment and self.app in {GATEWAY, TRITON}

    @property
    def is_gateway(self) -> bool:
        """Whether it is a gateway, stable or canary."""
        return self.app == GATEWAY

    def of_kind(self, kind: str) -> Iterator[Document]:
        """Yield the objects of a kind."""
        return (one for one in self.everything if one["kind"] == kind)

    def named(self, kind: str, name: str) -> Document | None:
        """Return the object of that kind and name."""
        return next((one for one in self.of_kind(kind) if one["metadata"]["name"] == name), None)

    def environment(self) -> Mapping[str, str | None]:
        """Return the main container's variables; None is a value from outside (Secret, podIP)."""
        found: dict[str, str | None] = {}
        for source in self.main.get("envFrom") or ():
            configmap = self.named("ConfigMap", deep(source, "configMapRef", "name") or "")
            found |= (configmap or {}).get("data") or {}
        for variable in self.main.get("env") or ():
            found[variable["name"]] = variable.get("value")
        return found

    def number(self, variable: str, default: float = 0.0) -> float:
        """Return a variable as a number."""
        return float(self.environment().get(variable) or default)

    @property
    def lag_s(self) -> float:
        """How long endpoints are said to lag; infinite where nothing is said."""
        said = deep(self.document, "metadata", "annotations", LAG)
        return float("inf") if said is None else float(said)

    @property
    def pre_stop_s(self) -> float:
        """How long a pod that ends serves on before it hears of it."""
        return float(deep(self.main, "lifecycle", "preStop", "sleep", "seconds") or 0)

    def policies(self, direction: str) -> Iterator[Document]:
        """Yield the NetworkPolicies that hold for the pods in a direction (Ingress, Egress)."""
        for policy in self.of_kind("NetworkPolicy"):
            chosen = deep(policy, "spec", "podSelector") or {}
            if direction in deep(policy, "spec", "policyTypes") and selects(chosen, self.labels):
                yield policy

    def rules(self, direction: str) -> Iterator[Mapping[str, Any]]:
        """Yield what those let through."""
        for policy in self.policies(direction):
            yield from deep(policy, "spec", direction.lower()) or ()


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector of matchLabels chooses these labels; the empty one chooses all."""
    return (selector.get("matchLabels") or {}).items() <= labels.items()


def patience_s(probe: Mapping[str, Any] | None) -> float:
    """How long a probe may fail before it has consequences, in seconds; 0 without one."""
    if not probe:
        return 0.0
    return float(probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3))
