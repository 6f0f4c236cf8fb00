"""The kinds that the emulator keeps. Those without a controller here are kept and nothing more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of the API.

    Attributes:
        group: empty for the core group.
        plural: its name in paths.
        short: names that kubectl accepts beside it.
        strategic: whether strategic merge patches apply; a custom resource refuses them.
        subresources: beside the object itself.
    """

    group: str
    version: str
    kind: str
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    strategic: bool = True
    subresources: tuple[str, ...] = ("status",)

    @property
    def api_version(self) -> str:
        """What objects say as apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The beginning of its paths."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    @property
    def qualified(self) -> str:
        """How refusals name it, e.g. deployments.apps."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


NAMESPACE = Kind("", "v1", "Namespace", "namespaces", ("ns",), namespaced=False)
NODE = Kind("", "v1", "Node", "nodes", ("no",), namespaced=False)
POD = Kind("", "v1", "Pod", "pods", ("po",), subresources=("status", "eviction", "log"))
SERVICE = Kind("", "v1", "Service", "services", ("svc",))
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", ("cm",), subresources=())
SECRET = Kind("", "v1", "Secret", "secrets", subresources=())
EVENT = Kind("", "v1", "Event", "events", ("ev",), subresources=())
DEPLOYMENT = Kind(
    "apps", "v1", "Deployment", "deployments", ("deploy",), subresources=("status", "scale")
)
REPLICA_SET = Kind(
    "apps", "v1", "ReplicaSet", "replicasets", ("rs",), subresources=("status", "scale")
)
DAEMON_SET = Kind("apps", "v1", "DaemonSet", "daemonsets", ("ds",))
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets", ("sts",))
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", subresources=())
PDB = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", ("pdb",))
GRPC_ROUTE = Kind("gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes", strategic=False)

KINDS = (
    *(NAMESPACE, NODE, POD, SERVICE, CONFIG_MAP, SECRET, EVENT),
    Kind("", "v1", "ServiceAccount", "serviceaccounts", ("sa",), subresources=()),
    Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", ("pvc",)),
    Kind("", "v1", "LimitRange", "limitranges", subresources=()),
    Kind("", "v1", "ResourceQuota", "resourcequotas"),
    *(DEPLOYMENT, REPLICA_SET, DAEMON_SET, STATEFUL_SET),
    Kind("batch", "v1", "Job", "jobs"),
    ENDPOINT_SLICE,
    PDB,
    Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", ("hpa",)),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", ("netpol",)),
    Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False),
    Kind(
        "gateway.networking.k8s.io",
        *("v1", "GatewayClass", "gatewayclasses"),
        namespaced=False,
        strategic=False,
    ),
    Kind("gateway.networking.k8s.io", "v1", "Gateway", "gateways", strategic=False),
    Kind(
        "gateway.networking.k8s.io", "v1", "BackendTLSPolicy", "backendtlspolicies", strategic=False
    ),
    GRPC_ROUTE,
    Kind("cert-manager.io", "v1", "Certificate", "certificates", strategic=False),
    Kind("cert-manager.io", "v1", "Issuer", "issuers", strategic=False),
    Kind("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors", strategic=False),
    Kind("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors", strategic=False),
    Kind("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules", strategic=False),
    Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", strategic=False),
)
