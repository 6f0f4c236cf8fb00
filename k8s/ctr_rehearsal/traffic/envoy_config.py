"""Envoy's configuration, from what is published. Pure.

Two listeners before the same clusters: `strict` never retries, so that every failure shows; the
`gateway` one retries what never reached a server, as proxies at the edge do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_rehearsal.traffic.publishing import Snapshot

HOST = "127.0.0.1"
MAX_RETRIES = 100
"""At once; Envoy's default of 3 gives up where a pod with several calls in flight dies."""
RETRY = {
    "retry_on": "connect-failure,refused-stream",
    "num_retries": 2,
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type": "type.googleapis.com/"
                "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
            },
        }
    ],
    "host_selection_retry_max_attempts": 3,
}
_TYPE = "type.googleapis.com/envoy"
_HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": f"{_TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}


def bootstrap(folder: Path, admin_port: int, ports: dict[str, int]) -> dict[str, Any]:
    """Return what Envoy starts with.

    Args:
        folder: where the files of clusters, endpoints and routes are.
        admin_port: of its admin page.
        ports: listener -> its port.
    """
    return {
        "node": {"id": "rehearsal", "cluster": "rehearsal"},
        "admin": {"address": _address(HOST, admin_port)},
        "static_resources": {"listeners": [_listener(folder, n, p) for n, p in ports.items()]},
        "dynamic_resources": {"cds_config": _file(folder / "clusters.json")},
    }


def clusters(folder: Path, snapshot: Snapshot) -> dict[str, Any]:
    """Return the file of clusters, one for each Service's port."""
    return {
        "resources": [
            {
                "@type": f"{_TYPE}.config.cluster.v3.Cluster",
                "name": name,
                "type": "EDS",
                "connect_timeout": "1s",
                "lb_policy": "ROUND_ROBIN",
                "circuit_breakers": {"thresholds": [{"max_retries": MAX_RETRIES}]},
                "eds_cluster_config": {"eds_config": _file(folder / endpoints_file(name))},
                "typed_extension_protocol_options": _HTTP2,
            }
            for name in sorted(snapshot.endpoints)
        ]
    }


def endpoints_file(cluster: str) -> str:
    """Return the name of a cluster's file of endpoints."""
    return f"endpoints.{cluster.replace(':', '.')}.json"


def endpoints(cluster: str, snapshot: Snapshot) -> dict[str, Any]:
    """Return a cluster's file of endpoints."""
    places = [one.address.rsplit(":", 1) for one in snapshot.endpoints[cluster]]
    return {
        "resources": [
            {
                "@type": f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment",
                "cluster_name": cluster,
                "endpoints": [
                    {
                        "lb_endpoints": [
                            {"endpoint": {"address": _address(host, int(port))}}
                            for host, port in places
                        ]
                    }
                ],
            }
        ]
    }


def routes(listener: str, snapshot: Snapshot, service: str) -> dict[str, Any]:
    """Return a listener's file of routes.

    Args:
        listener: its name.
        snapshot: whose weights count.
        service: "service:port" that takes everything while there is no route.
    """
    weighted = [
        {"name": backend.name, "weight": backend.weight}
        for backend in snapshot.route
        if backend.weight and backend.name in snapshot.endpoints
    ]
    action: dict[str, Any] = {"cluster": service, "timeout": "0s"}
    if weighted:
        action = {"weighted_clusters": {"clusters": weighted}, "timeout": "0s"}
    if listener == "gateway":
        action["retry_policy"] = RETRY
    return {
        "resources": [
            {
                "@type": f"{_TYPE}.config.route.v3.RouteConfiguration",
                "name": listener,
                "virtual_hosts": [
                    {
                        "name": "all",
                        "domains": ["*"],
                        "routes": [{"match": {"prefix": "/"}, "route": action}],
                    }
                ],
            }
        ]
    }


def _listener(folder: Path, name: str, port: int) -> dict[str, Any]:
    manager = {
        "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3."
        "HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": "HTTP2",
        "rds": {
            "route_config_name": name,
            "config_source": _file(folder / f"routes.{name}.json"),
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "name": name,
        "address": _address(HOST, port),
        "filter_chains": [{"filters": filters}],
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _file(path: Path) -> dict[str, Any]:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}
