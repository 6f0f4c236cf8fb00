"""Alerts and webhooks as Alertmanager sends them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ctr_monitor.alerts.webhook import Notification, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

T0_MS = 1_790_000_000_000
"""2026-09-21, 13:33:20 UTC: when the scripted faults' alerts fire."""


def iso(at_ms: int) -> str:
    """A time as JSON has it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def wire_alert(
    name: str = "CtrLatencyBurn",
    *,
    starts_ms: int = T0_MS,
    ends_ms: int | None = None,
    fingerprint: str = "",
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """One alert, a page unless its labels say otherwise; resolved when it has an end."""
    return {
        "status": "firing" if ends_ms is None else "resolved",
        "labels": {"alertname": name, "severity": "page", "job": "ctr-service", **(labels or {})},
        "annotations": {
            "summary": f"{name} summary",
            "runbook": f"k8s/runbooks/{name}.md",
            **(annotations or {}),
        },
        "startsAt": iso(starts_ms),
        "endsAt": iso(ends_ms) if ends_ms is not None else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
        "fingerprint": fingerprint or f"print-{name}",
    }


def webhook(*alerts: dict[str, object], group: str = "{}:{alertname}") -> bytes:
    """A webhook's body."""
    firing = any(alert["status"] == "firing" for alert in alerts)
    return json.dumps(
        {
            "version": "4",
            "groupKey": group,
            "truncatedAlerts": 0,
            "status": "firing" if firing else "resolved",
            "receiver": "monitor",
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager:9093",
            "alerts": list(alerts),
        }
    ).encode()


def notification(*alerts: dict[str, object], group: str = "{}:{alertname}") -> Notification:
    """The same, read."""
    return parse(webhook(*alerts, group=group))
