"""Alertmanager's configuration: two receivers, the monitor in both, and what silences what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctr_alerts.windows import PAGE, TICKET
from ctr_alerts.yaml_text import yaml_text

if TYPE_CHECKING:
    from ctr_alerts.notifying import Pace
    from ctr_alerts.slo import Slo
    from ctr_alerts.timing import Timing

GROUP_BY = ["alertname"]
"""One notification an alert's name: its windows and objectives are one incident."""


def alertmanager_config(slo: Slo, timing: Timing) -> str:
    """Return `alertmanager.yaml`."""
    notify = slo.notify
    tree = {
        "route": {
            "receiver": TICKET,
            "group_by": GROUP_BY,
            **_pace(notify.ticket, timing),
            "routes": [
                {
                    "matchers": [f'severity="{PAGE}"'],
                    "receiver": PAGE,
                    **_pace(notify.page, timing),
                }
            ],
        },
        "receivers": [
            _receiver(PAGE, notify.page, notify.monitor_url),
            _receiver(TICKET, notify.ticket, notify.monitor_url),
        ],
        "inhibit_rules": _inhibitions(),
    }
    return yaml_text(tree)


def _pace(pace: Pace, timing: Timing) -> dict[str, str]:
    return {
        # Never so short that an alert is told of before the one that inhibits it has come.
        "group_wait": str(timing.every(pace.group_wait)),
        "group_interval": str(timing.every(pace.group_interval)),
        "repeat_interval": str(timing.every(pace.repeat_interval)),
    }


def _receiver(name: str, pace: Pace, monitor_url: str) -> dict[str, Any]:
    monitor = {"url": monitor_url, "send_resolved": True}
    more = {kind: list(entries) for kind, entries in pace.receivers.items()}
    return {
        "name": name,
        **more,
        "webhook_configs": [monitor, *more.get("webhook_configs", [])],
    }


def _inhibitions() -> list[dict[str, Any]]:
    page, ticket = f'severity="{PAGE}"', f'severity="{TICKET}"'
    gone = 'alertname="CtrGatewayGone"'
    return [
        # Who is woken for it needs no ticket for it.
        _inhibition([page], [ticket], equal=["alertname", "slo", "signal"]),
        # Without a gateway nothing else can be said.
        _inhibition([gone, page], ['alertname=~"Ctr.+"', 'alertname!="CtrGatewayGone"']),
        # A call that ended with an error is bad for latency too.
        _inhibition(['alertname="CtrAvailabilityBurn"', page], ['alertname="CtrLatencyBurn"']),
        # Late ids and cold caches follow from a Redis that is left alone.
        _inhibition(
            ['alertname="CtrRemoteCacheBreakerOpen"', page],
            ['alertname=~"CtrFeaturesLate|CtrCacheCold"'],
        ),
    ]


def _inhibition(
    source: list[str], target: list[str], equal: list[str] | None = None
) -> dict[str, Any]:
    rule: dict[str, Any] = {"source_matchers": source, "target_matchers": target}
    return {**rule, "equal": equal} if equal else rule
