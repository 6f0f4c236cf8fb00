"""Reports made of a real Prometheus's answers, over scripted faults."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ctr_monitor.around.prometheus import PrometheusSettings
from ctr_monitor.around.questions import BY_KEY, QUESTIONS
from ctr_monitor.clock import ManualWallClock
from tests.support.monitor_alerts import T0_MS, webhook, wire_alert
from tests.support.monitor_series import FAULT_S, FAULTS, open_metrics
from tests.support.monitor_world import NOBODY, running_monitor, settings_for
from tests.support.prometheus_server import running_prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIGNALS: dict[str, dict[str, str]] = {
    "backend_slow": {"name": "CtrLatencyBurn", "slo": "latency", "window": "30m+5m"},
    "backend_failing": {"name": "CtrAvailabilityBurn", "slo": "availability", "window": "30m"},
    "redis_lost": {"name": "CtrRemoteCacheBreakerOpen", "signal": "breaker"},
    "overload": {"name": "CtrShedBurn", "slo": "shed", "window": "30m+5m"},
    "gateway_gone": {"name": "CtrGatewayGone", "signal": "absent"},
    "one_caller": {"name": "CtrShedBurn", "slo": "shed", "window": "30m+5m"},
    "one_model_version": {"name": "CtrAvailabilityBurn", "slo": "availability", "window": "30m"},
    "event_loop_blocked": {"name": "CtrEventLoopLagging", "signal": "loop"},
}


def alert(fault: str, ends_ms: int | None = None) -> dict[str, object]:
    """The alert that a fault raises."""
    labels = dict(SIGNALS[fault])
    return wire_alert(labels.pop("name"), ends_ms=ends_ms, labels=labels)


@pytest.fixture(scope="module")
def prometheus() -> Iterator[str]:
    """One that holds every fault under a job of its own."""
    with running_prometheus(open_metrics(FAULTS)) as url:
        yield url


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_first_suspect_is_the_fault(fault: str, prometheus: str, tmp_path: Path) -> None:
    """What Prometheus answers leads to the cause, its onset to the minute, and a whole report."""
    settings = settings_for(tmp_path, prometheus, job=fault.replace("_", "-"))
    async with running_monitor(settings) as world:
        number = await world.alert(webhook(alert(fault)))
        report = (await world.reported(number))["report"]
    ranked = [(suspect["key"], suspect["score"]) for suspect in report["suspects"]]
    assert ranked[0][0] == fault, ranked
    assert report["onset_seen"]
    assert abs(report["onset_ms"] - FAULT_S * 1000) <= 75_000
    assert report["burns"]


async def test_prometheus_takes_every_question(prometheus: str, tmp_path: Path) -> None:
    """No query is refused, and every scripted metric is in a panel."""
    settings = settings_for(tmp_path, prometheus, job="overload")
    async with running_monitor(settings) as world:
        number = await world.alert(webhook(alert("overload")))
        report = (await world.reported(number))["report"]
    panels = {panel["key"] for panel in report["panels"]}
    assert {"traffic", "error_share", "latency_p99", "shed_share", "compute_us_token"} <= panels
    assert {"breaker", "score_hit_share", "caller_traffic", "version_error_share"} <= panels
    assert panels <= {question.key for question in QUESTIONS}
    usual = {r["key"]: r["before"] for r in report["readings"] if not BY_KEY[r["key"]].by}
    assert usual["traffic"] == pytest.approx(100, rel=0.02)
    assert usual["compute_us_token"] == pytest.approx(20, rel=0.02)
    assert usual["error_share"] == 0


async def test_a_new_model_version_is_a_change(prometheus: str, tmp_path: Path) -> None:
    """The version that appeared with the fault is told as a change."""
    settings = settings_for(tmp_path, prometheus, job="one-model-version")
    async with running_monitor(settings) as world:
        number = await world.alert(webhook(alert("one_model_version")))
        changes = (await world.reported(number))["report"]["changes"]
    assert "model v2, joint, manifest v2f appeared" in [change["text"] for change in changes]


async def test_without_prometheus_the_incident_is_written_and_completed_later(
    prometheus: str, tmp_path: Path
) -> None:
    """Prometheus gone: the report says what is missing, and is completed once it is back."""
    async with running_monitor(settings_for(tmp_path, NOBODY)) as world:
        number = await world.alert(webhook(alert("gateway_gone")))
        found = await world.reported(number, whole=False)
        assert "Prometheus is not reached" in found["report"]["missing"][0]
        assert found["suspect_keys"][0] == "gateway_gone"  # the alert's name says that much
        assert "Parts of this report are missing" in await world.get(f"/incidents/{number}")
    later = ManualWallClock(T0_MS + 180_000)
    settings = settings_for(tmp_path, prometheus, job="gateway-gone")
    async with running_monitor(settings, later) as world:
        found = await world.reported(number)
        assert found["report"]["suspects"][0]["evidence"][0]["panel"] == "replicas_up"


async def test_a_prometheus_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    """The webhook is answered at once, and the report says that Prometheus was too slow."""
    release = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    slow = PrometheusSettings(f"http://127.0.0.1:{port}", deadline_s=0.2)
    settings = replace(settings_for(tmp_path), prometheus=slow)
    async with running_monitor(settings) as world:
        number = await world.alert(webhook(wire_alert()))
        assert (await world.incident(number))["state"] == "firing"
        found = await world.reported(number, whole=False)
        assert "did not answer within" in found["report"]["missing"][0]
    release.set()
    server.close()
    await server.wait_closed()


async def test_the_report_goes_on_after_the_end(prometheus: str, tmp_path: Path) -> None:
    """Resolved: a last report, whose worst values are not thinned by what came after."""
    settings = settings_for(tmp_path, prometheus, job="overload")
    async with running_monitor(settings) as world:
        number = await world.alert(webhook(alert("overload")))
        await world.reported(number)
        ended = webhook(alert("overload", ends_ms=T0_MS + 60_000))
        assert await world.alert(ended) == number
        found = await world.reported(number)
    assert (found["state"], found["minutes_to_resolve"]) == ("resolved", 1.0)
    assert found["report"]["suspects"][0]["key"] == "overload"
