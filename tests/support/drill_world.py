"""Everything that a drill needs: the alerting of one machine, a gateway to break, Redis, callers.

Windows are shortened, so that an hour of the objectives is seconds; nothing else is.
"""

from __future__ import annotations

import contextlib
import json
import signal
import time
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ctr_alerts.loading import load_slo
from ctr_observe.alerting import Alerting, running_alerting
from ctr_observe.asking import ask
from ctr_observe.monitor import running_monitor
from tests.support.alerting_tools import ROOT
from tests.support.drill_gateway import FAULTS
from tests.support.faults_file import WELL, Faults, FaultsFile
from tests.support.gateway import Gateway, running_gateway
from tests.support.open_loop import OpenLoop, sending
from tests.support.redis_server import RedisServer, running_redis
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ctr_observe.monitor import Monitor

ValueT = TypeVar("ValueT")

SCALE = 0.0035
"""An hour is 13 s, five minutes are the four seconds that a rate needs at least."""
USUAL_PER_S, USUAL_ITEMS = 15.0, 5
CALM_S = 15
PATIENCE_S = 60.0
LOOK_EVERY_S = 0.1
FLAGS = (
    # All traces are sent: those of a fault that slows down nobody are usual ones.
    *("--trace-ratio", "1"),
    # 0.6 s of the engine's time, and what the usual callers send in 5 s: a machine that stalls so
    # long refuses none of them, and overload is refused within a second all the same.
    *("--max-queued-tokens", "12288"),
    # Longer than a busy machine takes: Redis shall fail when the drill says so.
    *("--redis-deadline-s", "0.05"),
)
CALLS = 'traces_span_metrics_duration_milliseconds_%s{span_kind="SPAN_KIND_SERVER"%s}'
GOOD = CALLS % ("bucket", ',le="100.0",rpc_status_code="OK"')
EVERY = CALLS % ("count", "")
CALM = (
    f"sum(increase({GOOD}[{CALM_S}s])) > 0.95 * sum(increase({EVERY}[{CALM_S}s]))"
    f" and sum(increase({EVERY}[{CALM_S}s])) > {0.7 * CALM_S * USUAL_PER_S:g}"
    f" unless max(max_over_time(ctr_remote_breaker_state[{CALM_S}s])) > 0"
    ' unless count(ALERTS{severity="page"}) > 0'
)


@dataclass
class Drill:
    """All of it, running.

    Attributes:
        faults: switches the engine's.
        gateway: the one that serves now.
        usual: its callers.
    """

    alerting: Alerting
    monitor: Monitor
    redis: RedisServer
    faults: FaultsFile
    bundle: Path
    stack: contextlib.ExitStack
    gateway: Gateway = field(init=False)
    usual: OpenLoop = field(init=False)

    def start_gateway(self) -> None:
        """Start one, and its callers, and let Prometheus read it and no other."""
        variables = {
            FAULTS: str(self.faults.path),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.monitor.otlp_port}",
        }
        self.gateway = self.stack.enter_context(
            running_gateway(
                self.bundle,
                *("--redis-url", self.redis.url, *FLAGS),
                module="tests.support.drill_gateway",
                variables=variables,
            )
        )
        self.usual = self.stack.enter_context(
            sending(self.gateway.target, per_s=USUAL_PER_S, items=USUAL_ITEMS)
        )
        port = self.gateway.event("serving")["metrics_port"]
        self.alerting.prometheus.scrape_gateways([f"127.0.0.1:{port}"])

    def kill_gateway(self) -> None:
        """Kill it as the kernel does when memory is short; its callers leave."""
        self.gateway.stop(signal.SIGKILL)
        self.usual.stop()

    def calm(self) -> None:
        """Wait until no page fires, and callers have been served well for a while."""
        until("calm", lambda: self.alerting.prometheus.query(CALM), self)

    @contextlib.contextmanager
    def engine(self, faults: Faults) -> Iterator[None]:
        """Break the engine for the length of a block."""
        self.faults.write(faults)
        try:
            yield
        finally:
            self.faults.write(WELL)

    @contextlib.contextmanager
    def redis_lost(self) -> Iterator[None]:
        """Kill Redis, and start it again at the block's end."""
        self.redis.stop()
        try:
            yield
        finally:
            self.redis.start()

    def suspected(self, alert: str, first: str, *, severity: str = "page") -> dict[str, Any]:
        """Wait until an alert that fires is in an incident that suspects this cause first."""

        def found() -> dict[str, Any] | None:
            for incident in self.incidents():
                one = self.incident(incident["id"])
                named = one["report"] and (one["report"]["suspects"] or [{"key": None}])[0]["key"]
                if fires(one, alert, severity) and named == first:
                    return one
            return None

        return until(f"{alert} with {first}", found, self)

    def resolved(self, incident_id: int, alert: str, *, severity: str = "page") -> dict[str, Any]:
        """Wait until an incident's alert has ended, and return the incident."""

        def found() -> dict[str, Any] | None:
            one = self.incident(incident_id)
            return None if fires(one, alert, severity) else one

        return until(f"the end of {alert}", found, self)

    def exemplar_page(self, incident: dict[str, Any]) -> str:
        """Return the page of a trace that the incident links and a bucket's exemplar names."""
        linked = {trace["trace_id"] for trace in incident["report"]["traces"]}
        common = sorted(linked & self._exemplars(incident["report"]))
        assert common, f"no exemplar among the linked traces {linked}"
        url = f"http://{self.monitor.address}/traces/{common[0]}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.status == 200
            return str(answer.read().decode())

    def incidents(self) -> list[dict[str, Any]]:
        """Return all, newest first, without their reports."""
        return list(ask(f"http://{self.monitor.address}/api/v1/incidents")["incidents"])

    def incident(self, incident_id: int) -> dict[str, Any]:
        """Return one with its report."""
        return dict(ask(f"http://{self.monitor.address}/api/v1/incidents/{incident_id}"))

    def told(self) -> str:
        """Say what there is, for a failure's message."""
        lines = [
            json.dumps({key: one[key] for key in ("id", "state", "title", "suspect_keys")})
            for one in self.incidents()
        ]
        pending = [json.dumps(alert["labels"]) for alert in self.alerting.prometheus.alerts()]
        return "\n".join((*lines, *pending, f"usual calls: {dict(self.usual.outcomes)}"))

    def _exemplars(self, report: dict[str, Any]) -> set[str]:
        url = f"{self.alerting.prometheus.url}/api/v1/query_exemplars"
        window = {"start": str(report["from_ms"] / 1000), "end": str(report["until_ms"] / 1000)}
        data = ask(url, {"query": CALLS % ("bucket", ""), **window})["data"]
        return {one["labels"]["trace_id"] for series in data for one in series["exemplars"]}


def fires(incident: dict[str, Any], alert: str, severity: str) -> bool:
    """Whether an incident's alert of this name and severity fires."""
    return any(
        (one["name"], one["labels"].get("severity"), one["status"]) == (alert, severity, "firing")
        for one in incident["alerts"]
    )


def until(what: str, ask_for: Callable[[], ValueT | None], drill: Drill) -> ValueT:
    """Ask again and again until there is an answer.

    Raises:
        AssertionError: there is none within PATIENCE_S; with what the monitor knows.
    """
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := ask_for():
            return found
        time.sleep(LOOK_EVERY_S)
    raise AssertionError(f"no {what} within {PATIENCE_S:.0f} s\n{drill.told()}")


@contextlib.contextmanager
def drilling(folder: Path) -> Iterator[Drill]:
    """Run everything as long as the block lasts."""
    slo_path = ROOT / "k8s" / "alerts" / "slo.yaml"
    monitors: list[Monitor] = []

    @contextlib.contextmanager
    def monitor(prometheus_url: str) -> Iterator[str]:
        with running_monitor(folder, prometheus_url, slo=slo_path, scale=SCALE) as started:
            monitors.append(started)
            yield started.address

    faults = FaultsFile(folder / "faults.json")
    faults.write(WELL)
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(running_redis())
        alerting = stack.enter_context(
            running_alerting(folder / "alerting", load_slo(slo_path), SCALE, monitor)
        )
        bundle = make_tiny_bundle(folder / "bundle")
        drill = Drill(alerting, monitors[0], redis, faults, bundle, stack)
        drill.start_gateway()
        yield drill
