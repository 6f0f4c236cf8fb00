"""A real Prometheus on a free port, with the generated rules, whose targets may come and go."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctr_alerts.timing import Timing
from ctr_alerts.yaml_text import yaml_text
from ctr_observe.asking import ask, wait_until_ready
from ctr_observe.child import Child, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ctr_alerts.slo import Slo

LISTENS = r'msg="Listening on" address=(127\.0\.0\.1:\d+)'
MONITOR_JOB = "ctr-monitor"
REFRESH = "1s"
"""How often lists of targets are read again, if the kernel does not tell of a change."""
RESEND = "5s"
"""How often Alertmanager is told again of what still fires."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an answer, now."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """A running one.

    Attributes:
        url: of its page and API.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder

    def scrape_gateways(self, addresses: Sequence[str]) -> None:
        """Read metrics of these gateways, "host:port" each, and of no others any more."""
        _write_targets(self._folder / "gateways.json", addresses)

    def scrape_monitor(self, address: str) -> None:
        """Read the monitor's metrics too."""
        _write_targets(self._folder / "monitors.json", [address])

    def alert_through(self, address: str) -> None:
        """Send alerts to this Alertmanager."""
        _write_targets(self._folder / "alertmanagers.json", [address])

    def query(self, expr: str) -> list[Sample]:
        """Evaluate PromQL now.

        Raises:
            ObserveError: it does not answer, or refuses the expression.
        """
        data = ask(f"{self.url}/api/v1/query", {"query": expr})["data"]
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][1]))]
        return [Sample(one["metric"], float(one["value"][1])) for one in data["result"]]

    def alerts(self) -> list[dict[str, Any]]:
        """Return alerts that are pending or firing, as its API tells them."""
        return list(ask(f"{self.url}/api/v1/alerts")["data"]["alerts"])


@contextlib.contextmanager
def running_prometheus(
    folder: Path, slo: Slo, scale: float, rules: Mapping[Path, str]
) -> Iterator[Prometheus]:
    """Start one and wait until it answers; it scrapes nothing yet.

    Args:
        folder: for its configuration, data and log.
        slo: names the gateways' job and the intervals.
        scale: on the intervals.
        rules: texts by name.

    Raises:
        ObserveError: it is not installed, or did not start.
    """
    (folder / "rules").mkdir(parents=True)
    for path, text in rules.items():
        (folder / "rules" / path.name).write_text(text)
    for name in ("gateways", "monitors", "alertmanagers"):
        _write_targets(folder / f"{name}.json", [])
    config = folder / "prometheus.yaml"
    config.write_text(_config(slo, Timing(slo.intervals, scale)))
    command = (
        *("prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"),
        *("--web.listen-address=127.0.0.1:0", "--enable-feature=exemplar-storage"),
        f"--rules.alert.resend-delay={RESEND}",
    )
    with running(Child("Prometheus", command, folder / "prometheus.log")) as child:
        url = f"http://{child.wait_for(LISTENS)[1]}"
        wait_until_ready(f"{url}/-/ready")
        yield Prometheus(url, folder)


def _config(slo: Slo, timing: Timing) -> str:
    def found_in(name: str) -> list[dict[str, Any]]:
        return [{"files": [f"{name}.json"], "refresh_interval": REFRESH}]

    every = str(timing.scrape)
    return yaml_text(
        {
            "global": {
                "scrape_interval": every,
                "scrape_timeout": every,
                "evaluation_interval": every,
            },
            "rule_files": ["rules/*.yaml"],
            "alerting": {"alertmanagers": [{"file_sd_configs": found_in("alertmanagers")}]},
            "scrape_configs": [
                {"job_name": slo.job, "file_sd_configs": found_in("gateways")},
                {"job_name": MONITOR_JOB, "file_sd_configs": found_in("monitors")},
            ],
        }
    )


def _write_targets(path: Path, addresses: Sequence[str]) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps([{"targets": list(addresses)}]))
    aside.replace(path)
