"""Prometheus and Alertmanager together: from a gateway's metrics to a webhook's call."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_alerts import layout
from ctr_alerts.rendering import running as rendered
from ctr_observe.alertmanager import Alertmanager, running_alertmanager
from ctr_observe.prometheus import Prometheus, running_prometheus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ctr_alerts.slo import Slo

MONITOR_PATH = "/api/v1/alerts"


@dataclass(frozen=True, slots=True)
class Alerting:
    """What runs.

    Attributes:
        monitor: host:port of whoever receives the alerts.
    """

    prometheus: Prometheus
    alertmanager: Alertmanager
    monitor: str


@contextlib.contextmanager
def running_alerting(
    folder: Path, slo: Slo, scale: float, monitor: Callable[[str], AbstractContextManager[str]]
) -> Iterator[Alerting]:
    """Start all, in the order in which each knows the next one's address; stop them backwards.

    Args:
        folder: a new one for configurations, data and logs.
        slo: the objectives.
        scale: on every window, patience and interval; 1 is production's.
        monitor: starts what receives the alerts, given Prometheus' URL, and yields its host:port.

    Raises:
        ObserveError: a server is not installed, or did not start.
    """
    with contextlib.ExitStack() as stack:
        texts = rendered(slo, scale)
        rules = {p: text for p, text in texts.items() if p.parent == layout.RULES}
        prometheus = stack.enter_context(
            running_prometheus(folder / "prometheus", slo, scale, rules)
        )
        address = stack.enter_context(monitor(prometheus.url))
        told = slo.notify.model_copy(update={"monitor_url": f"http://{address}{MONITOR_PATH}"})
        routes = rendered(slo.model_copy(update={"notify": told}), scale)[layout.ALERTMANAGER]
        alertmanager = stack.enter_context(running_alertmanager(folder / "alertmanager", routes))
        prometheus.alert_through(alertmanager.address)
        yield Alerting(prometheus, alertmanager, address)
