"""All of it together, until somebody says that it is enough."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_alerts.loading import load_slo
from ctr_observe.alerting import running_alerting
from ctr_observe.errors import ObserveError
from ctr_observe.gateway import running_gateway
from ctr_observe.monitor import running_monitor
from ctr_observe.traffic import running_traffic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_observe.monitor import Monitor


@dataclass(frozen=True, slots=True)
class ObservePlan:
    """What to run.

    Attributes:
        bundle: what the gateway serves.
        slo: the file of objectives.
        scale: on every window, patience and interval.
        searches_per_s: of the traffic; 0 is none.
        monitor_port: of the monitor's page.
    """

    bundle: Path
    slo: Path
    scale: float
    searches_per_s: float
    monitor_port: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look."""

    monitor: str
    prometheus: str
    alertmanager: str
    gateway: str
    metrics: str


@contextlib.contextmanager
def observing(plan: ObservePlan, folder: Path) -> Iterator[Places]:
    """Run everything as long as the block lasts.

    Args:
        plan: what.
        folder: a new one for stores, configurations and logs.

    Raises:
        ObserveError: the bundle is not there, or a server did not start.
        AlertsError: the file of objectives is wrong.
    """
    if not (plan.bundle / "manifest.json").is_file():
        raise ObserveError(
            f"{plan.bundle} is no bundle; `make demo` makes one, or give BUNDLE=/path"
        )
    monitors: list[Monitor] = []

    @contextlib.contextmanager
    def monitor(prometheus_url: str) -> Iterator[str]:
        with running_monitor(
            folder,
            prometheus_url,
            port=plan.monitor_port,
            slo=plan.slo,
            scale=plan.scale,
        ) as started:
            monitors.append(started)
            yield started.address

    with contextlib.ExitStack() as stack:
        slo = load_slo(plan.slo)
        alerting = stack.enter_context(running_alerting(folder, slo, plan.scale, monitor))
        gateway = stack.enter_context(running_gateway(folder, plan.bundle, monitors[0].otlp_port))
        alerting.prometheus.scrape_monitor(alerting.monitor)
        alerting.prometheus.scrape_gateways([gateway.metrics])
        log = plan.bundle.parent / "log.csv"
        stack.enter_context(running_traffic(gateway.target, log, plan.searches_per_s))
        yield Places(
            monitor=f"http://{alerting.monitor}/",
            prometheus=alerting.prometheus.url,
            alertmanager=alerting.alertmanager.url,
            gateway=gateway.target,
            metrics=f"http://{gateway.metrics}/metrics",
        )
