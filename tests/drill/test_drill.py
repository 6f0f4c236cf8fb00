"""`make drill`: a real fault pages, the incident names its cause, and its end resolves the page.

Real Prometheus, Alertmanager, monitor, Redis and gateway; windows alone are shortened. One after
another on one stack, since what one fault leaves behind must not mislead about the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.alerting_tools import require_alerting
from tests.support.drill_world import Drill, drilling
from tests.support.faults_file import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator

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
