"""What is committed: it is what the source says, and it asks for metrics that there are."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ctr_alerts.completeness import gaps
from ctr_alerts.files import drift
from ctr_alerts.loading import load_slo
from ctr_alerts.rendering import committed, running
from ctr_service.telemetry import names
from ctr_service.telemetry.bounds import DURATION_BOUNDS_MS
from tests.support.alerting_tools import GENERATED, ROOT
from tests.support.promql_metrics import Asked, asked, promql_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

SLO = load_slo(ROOT / "k8s" / "alerts" / "slo.yaml")
TARGET_LABELS = frozenset({"job", "instance", "worker", "le", "__name__"})
SPAN_LABELS = frozenset(
    {"service_name", "span_name", "span_kind", "status_code", "rpc_status_code"}
    | {"ctr_model_version", "ctr_degraded"}
)
SPAN_METRIC = re.compile(r"traces_span_metrics_(calls_total|duration_milliseconds_(bucket|count))")
OTHERS = {"up": frozenset[str](), "ALERTS": frozenset({"alertname", "severity", "alertstate"})}
"""Prometheus' own."""
PROCESS = re.compile(r"process_(resident_memory_bytes|cpu_seconds_total|start_time_seconds)")
"""prometheus_client's own."""


def _rules() -> list[dict[str, Any]]:
    files = sorted((GENERATED / "rules").glob("*.yaml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def _exposed() -> dict[str, frozenset[str]]:
    """The gateway's metrics as Prometheus sees them, with their labels."""
    suffixes = {
        names.Kind.COUNTER: ("_total",),
        names.Kind.GAUGE: ("",),
        names.Kind.HISTOGRAM: ("_bucket", "_sum", "_count"),
        names.Kind.INFO: ("_info",),
    }
    every = (*names.CATALOGUE, *names.SUPERVISOR_CATALOGUE)
    return {
        f"{metric.name}{suffix}": frozenset(metric.labels)
        for metric in every
        for suffix in suffixes[metric.kind]
    }


def _expressions() -> Iterator[tuple[str, str]]:
    for rule in _rules():
        yield str(rule.get("alert", rule.get("record"))), rule["expr"]
    for path in sorted((GENERATED / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.stem}: {panel['title']}", target["expr"]
    for path in sorted((ROOT / "k8s" / "runbooks").glob("*.md")):
        for expr in promql_blocks(path.read_text()):
            yield path.stem, expr


def test_the_generated_files_are_what_their_source_says() -> None:
    """Nobody edited one, and nobody forgot `make alerts`."""
    assert drift(committed(SLO), ROOT) == ()


def test_every_alert_has_a_runbook_and_proofs() -> None:
    """Every alert has a runbook with four headings, a test that it fires and one of silence."""
    assert gaps(ROOT) == ()


def test_each_latency_objective_is_a_bound_of_the_gateways_histogram() -> None:
    """The share below a threshold is counted, not guessed from within a bucket."""
    assert [float(bound) for bound in DURATION_BOUNDS_MS] == list(SLO.duration_bounds_ms)
    assert {target.threshold_ms for target in SLO.objectives.latency} <= set(DURATION_BOUNDS_MS)


def test_the_collector_counts_as_the_gateway_does() -> None:
    """Unit, buckets, dimensions and namespace of the connector are pinned to the gateway's."""
    connector = yaml.safe_load((GENERATED / "collector.yaml").read_text())["connectors"]
    span_metrics = connector["span_metrics"]
    assert span_metrics["namespace"] == "traces.span.metrics"
    assert span_metrics["histogram"]["unit"] == "ms"
    buckets = span_metrics["histogram"]["explicit"]["buckets"]
    assert [float(edge.removesuffix("ms")) for edge in buckets] == list(DURATION_BOUNDS_MS)
    dimensions = {entry["name"].replace(".", "_") for entry in span_metrics["dimensions"]}
    assert dimensions == {"ctr_model_version", "ctr_degraded", "rpc_status_code"}


def test_only_metrics_and_labels_that_exist_are_asked_for() -> None:
    """Rules, dashboards and runbooks name metrics of the catalogue, with labels that they have."""
    exposed = {**_exposed(), **OTHERS}
    for rule in _rules():
        if "record" in rule:
            exposed[rule["record"]] = frozenset({"slo", "objective", "cache"})

    def known(one: Asked) -> bool:
        if SPAN_METRIC.fullmatch(one.metric):
            return one.labels <= SPAN_LABELS | TARGET_LABELS
        if PROCESS.fullmatch(one.metric):
            return one.labels <= TARGET_LABELS
        return one.metric in exposed and one.labels <= exposed[one.metric] | TARGET_LABELS

    unknown = {
        (where, one.metric, *sorted(one.labels))
        for where, expr in _expressions()
        for one in asked(expr)
        if not known(one)
    }
    assert unknown == set()


def test_a_healthy_hour_has_every_metric_that_a_rule_reads() -> None:
    """Its silence is not for want of data."""
    text = (GENERATED / "tests" / "healthy_hour_test.yaml").read_text()
    (test,) = yaml.safe_load(text)["tests"]
    present = {series["series"].partition("{")[0] for series in test["input_series"]}
    recorded = {rule["record"] for rule in _rules() if "record" in rule}
    read = {one.metric for rule in _rules() for one in asked(rule["expr"])}
    assert read - recorded <= present


def test_every_alert_names_severity_subject_and_runbook() -> None:
    """What the monitor and Alertmanager sort by is on every alert."""
    for rule in (rule for rule in _rules() if "alert" in rule):
        labels = rule["labels"]
        assert labels["severity"] in {"page", "ticket"}
        assert ("slo" in labels) != ("signal" in labels)
        assert rule["annotations"]["runbook"] == f"k8s/runbooks/{rule['alert']}.md"
        assert {"summary", "description"} <= set(rule["annotations"])


@pytest.mark.parametrize("name", ["promises", "gateway"])
def test_panels_of_a_dashboard_do_not_overlap(name: str) -> None:
    """Rows of graphs fill the grid's width, one below the other."""
    dashboard = json.loads((GENERATED / "dashboards" / f"{name}.json").read_text())
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at.get("x", 0), at.get("x", 0) + at["w"])
            for y in range(at.get("y", 0), at.get("y", 0) + at["h"])
        }
        assert not own & cells, panel["title"]
        assert max(x for x, _ in own) < 24
        cells |= own


def test_shortened_rules_keep_their_names_and_labels() -> None:
    """What reads them works in a drill as it does in production."""

    def shape(scale: float) -> list[tuple[str, str]]:
        texts = running(SLO, scale)
        rules = [
            rule
            for path, text in texts.items()
            if path.parts[0] == "rules"
            for group in yaml.safe_load(text)["groups"]
            for rule in group["rules"]
        ]
        return [(r.get("alert", r.get("record")), str(r.get("labels"))) for r in rules]

    assert shape(0.005) == shape(1.0)
