"""Real Prometheus and Alertmanager with shortened rules: from metrics to a webhook's call."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from ctr_alerts.loading import load_slo
from ctr_observe.alerting import Alerting, running_alerting
from tests.support.alerting_tools import ROOT, require_alerting
from tests.support.metrics_page import serving_metrics
from tests.support.webhook import Webhook, receiving_alerts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCALE = 0.005
SPAN = (
    'service_name="ctr-service",span_kind="SPAN_KIND_SERVER",'
    'span_name="ctr.v1.PredictionService/PredictClicks",ctr_model_version="1"'
)


class Traffic:
    """A gateway's metrics: so many calls a scrape, a part of which fails."""

    def __init__(self) -> None:
        self.failing = False
        self._good = self._bad = 0

    def page(self, _: int) -> str:
        """Return the metrics, a scrape later."""
        self._good += 20 if self.failing else 100
        self._bad += 80 if self.failing else 0
        ok = f'{SPAN},status_code="STATUS_CODE_UNSET",rpc_status_code="OK"'
        failed = f'{SPAN},status_code="STATUS_CODE_ERROR",rpc_status_code="INTERNAL"'
        duration = "traces_span_metrics_duration_milliseconds"
        lines = (
            "ctr_serving 1",
            f"traces_span_metrics_calls_total{{{ok}}} {self._good}",
            f"traces_span_metrics_calls_total{{{failed}}} {self._bad}",
            f'{duration}_bucket{{{ok},le="100.0"}} {self._good}',
            f'{duration}_bucket{{{ok},le="500.0"}} {self._good}',
            f"{duration}_count{{{ok}}} {self._good}",
            f"{duration}_count{{{failed}}} {self._bad}",
        )
        return "\n".join(lines) + "\n"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Who is told."""
    with receiving_alerts() as hook:
        yield hook


@pytest.fixture
def alerting(webhook: Webhook, tmp_path: Path) -> Iterator[Alerting]:
    """The servers, with the repository's own objectives."""
    require_alerting("prometheus", "prometheus-alertmanager")
    slo = load_slo(ROOT / "k8s" / "alerts" / "slo.yaml")

    @contextlib.contextmanager
    def monitor(_: str) -> Iterator[str]:
        yield webhook.address

    with running_alerting(tmp_path / "stack", slo, SCALE, monitor) as stack:
        yield stack


def test_errors_page_and_the_end_of_them_resolves_it(alerting: Alerting, webhook: Webhook) -> None:
    """Failing calls page for availability, not for latency, and the page resolves afterwards."""
    traffic = Traffic()
    with serving_metrics(traffic.page) as gateway:
        alerting.prometheus.scrape_gateways([gateway.address])
        gateway.wait_for_scrapes(5)
        traffic.failing = True
        page = webhook.wait_for("CtrAvailabilityBurn", "firing", severity="page")
        assert page["labels"]["slo"] == "availability"
        assert page["annotations"]["runbook"] == "k8s/runbooks/CtrAvailabilityBurn.md"
        assert "times as fast as allowed" in page["annotations"]["description"]
        gateway.wait_for_scrapes(3)
        assert alerting.prometheus.query('ALERTS{alertname="CtrLatencyBurn"}')
        told = {alert["labels"]["alertname"] for alert in webhook.alerts()}
        assert "CtrLatencyBurn" not in told
        traffic.failing = False
        webhook.wait_for("CtrAvailabilityBurn", "resolved", severity="page")


def test_a_gateway_that_vanishes_or_dies_pages(alerting: Alerting, webhook: Webhook) -> None:
    """Its target is taken away, or stays and does not answer: both page, and both resolve."""
    prometheus = alerting.prometheus
    with serving_metrics(Traffic().page) as page:
        prometheus.scrape_gateways([page.address])
        page.wait_for_scrapes(3)
        prometheus.scrape_gateways([])
        webhook.wait_for("CtrGatewayGone", "firing", scope="all")
        prometheus.scrape_gateways([page.address])
        webhook.wait_for("CtrGatewayGone", "resolved", scope="all")
    page_alert = webhook.wait_for("CtrGatewayGone", "firing", scope="all")
    assert page_alert["labels"]["severity"] == "page"
    assert [sample.value for sample in prometheus.query("up")] == [0]
