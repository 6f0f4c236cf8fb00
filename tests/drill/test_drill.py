"""`make drill`: a real fault pages, the incident names its cause, and its end resolves the page.

Real Prometheus, Alertmanager, monitor, Redis and gateway; windows alone are shortened. One after
another on one stack, since what one fault leaves behind must not mislead about the next.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support.alerting_tools import require_alerting
from tests.support.drill_world import Drill, drilling
from tests.support.faults_file import Faults
from tests.support.open_loop import sending

if TYPE_CHECKING:
    from collections.abc import Iterator

OVERLOAD_PER_S, OVERLOAD_ITEMS = 60.0, 40
"""1,280 padded tokens a list: 16 of them a second are what two slots compute."""

pytestmark = pytest.mark.drill


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """One stack for all faults."""
    require_alerting("prometheus", "prometheus-alertmanager")
    with drilling(tmp_path_factory.mktemp("drill")) as running:
        yield running


def test_a_slow_engine_pages(drill: Drill) -> None:
    """Latency in the engine: the latency page, the engine suspected first, a slow trace linked."""
    drill.calm()
    with drill.engine(Faults(delay_s=0.25)):
        incident = drill.suspected("CtrLatencyBurn", "backend_slow")
        assert "ctr.compute" in drill.exemplar_page(incident)
    drill.resolved(incident["id"], "CtrLatencyBurn")


def test_a_failing_engine_pages(drill: Drill) -> None:
    """Errors of the engine: the availability page, the engine's failure first, a failed trace."""
    drill.calm()
    with drill.engine(Faults(fails=True)):
        incident = drill.suspected("CtrAvailabilityBurn", "backend_failing")
        assert "ctr.compute" in drill.exemplar_page(incident)
    drill.resolved(incident["id"], "CtrAvailabilityBurn")


def test_a_lost_redis_pages(drill: Drill) -> None:
    """Redis is killed: the breaker's page, Redis suspected first, and callers notice nothing."""
    drill.calm()
    failed = Counter(drill.usual.failures)
    with drill.redis_lost():
        incident = drill.suspected("CtrRemoteCacheBreakerOpen", "redis_lost")
        assert "ctr.tokens" in drill.exemplar_page(incident)
    drill.resolved(incident["id"], "CtrRemoteCacheBreakerOpen")
    assert drill.usual.failures_since(failed) == {}


def test_overload_pages(drill: Drill) -> None:
    """Four times what the engine can compute: the shed page, overload first, a refusal linked."""
    drill.calm()
    with sending(drill.gateway.target, per_s=OVERLOAD_PER_S, items=OVERLOAD_ITEMS):
        incident = drill.suspected("CtrShedBurn", "overload")
        assert drill.exemplar_page(incident)
    drill.resolved(incident["id"], "CtrShedBurn")


def test_a_gateway_that_is_gone_pages(drill: Drill) -> None:
    """SIGKILL: the page that nobody serves, named as the first suspect, until another serves."""
    drill.calm()
    drill.kill_gateway()
    incident = drill.suspected("CtrGatewayGone", "gateway_gone")
    drill.start_gateway()
    drill.resolved(incident["id"], "CtrGatewayGone")
