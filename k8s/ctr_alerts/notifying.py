"""Where alerts and spans go."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ctr_alerts.duration import DurationField
from ctr_alerts.model import Frozen


class Pace(Frozen):
    """How alerts of one severity are gathered, as Alertmanager names it."""

    group_wait: DurationField
    group_interval: DurationField
    repeat_interval: DurationField
    receivers: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)
    """More ways to reach people, in Alertmanager's own words (`pagerduty_configs: [...]`)."""


class Notify(Frozen):
    """Alertmanager's side.

    Attributes:
        monitor_url: the monitor's webhook; it hears of every alert.
    """

    monitor_url: str = Field(pattern=r"^https?://")
    page: Pace
    ticket: Pace


class Collector(Frozen):
    """The OpenTelemetry Collector's side, where there is one.

    Attributes:
        monitor_otlp_endpoint: host:port of the monitor's OTLP over gRPC.
        kept_percent: of traces that are neither failed nor slow.
    """

    monitor_otlp_endpoint: str = Field(pattern=r"^[^/\s]+:\d+$")
    kept_percent: float = Field(gt=0, le=100)
