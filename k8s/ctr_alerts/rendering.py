"""Everything that follows from the file of objectives, as texts by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import layout
from ctr_alerts.alertmanager import alertmanager_config
from ctr_alerts.bounds import bounds_module
from ctr_alerts.collector import collector_config
from ctr_alerts.dashboards.gateway import gateway_dashboard
from ctr_alerts.dashboards.promises import promises_dashboard
from ctr_alerts.healthy import NAME as HEALTHY
from ctr_alerts.healthy import healthy_hour
from ctr_alerts.promtool import test_files
from ctr_alerts.rules import rule_files
from ctr_alerts.timing import Timing
from ctr_alerts.yaml_text import yaml_text

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_alerts.slo import Slo


def committed(slo: Slo) -> dict[Path, str]:
    """Return what `make alerts` writes, by path in the repository."""
    files = rule_files(slo, Timing(slo.intervals))
    tests = {layout.TESTS / name: text for name, text in test_files(files)}
    texts = {
        **running(slo),
        **tests,
        layout.TESTS / HEALTHY: healthy_hour(slo, files),
        layout.DASHBOARDS / "promises.json": promises_dashboard(slo),
        layout.DASHBOARDS / "gateway.json": gateway_dashboard(slo),
        layout.COLLECTOR: collector_config(slo),
    }
    inside = {layout.GENERATED / path: text for path, text in texts.items()}
    return {**inside, layout.BOUNDS: bounds_module(slo)}


def running(slo: Slo, scale: float = 1.0) -> dict[Path, str]:
    """Return what Prometheus and Alertmanager read, all lengths of time shortened by a factor."""
    timing = Timing(slo.intervals, scale)
    rules = {
        layout.RULES / f"{file.stem}.yaml": yaml_text(
            {"groups": [file.as_group(timing).as_group()]}
        )
        for file in rule_files(slo, timing)
    }
    return {**rules, layout.ALERTMANAGER: alertmanager_config(slo, timing)}
