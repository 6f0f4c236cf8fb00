"""Claims about the scheduler as a whole, in simulated time on the costs of a small BERT."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.simulation import LIST_ROWS, PADDED, UNPADDED, Graph, simulate

SLO_LISTS = 7.5
ALLOWED_SLOS = 2.5
GRAPHS = pytest.mark.parametrize("graph", [PADDED, UNPADDED])


def list_s(graph: Graph) -> float:
    """Return the time of one list on all slots of an engine that wastes nothing."""
    return LIST_ROWS / graph.bound_rows_s


def allowed_s(graph: Graph) -> float:
    """Return what callers allow."""
    return ALLOWED_SLOS * SLO_LISTS * list_s(graph)


def p99_slos(graph: Graph, load: float) -> float:
    """Return the 99th percentile in SLOs."""
    result = simulate(load, lists=3000, allowed_s=allowed_s(graph), graph=graph)
    return float(np.quantile(result.took_s, 0.99)) / (SLO_LISTS * list_s(graph))


@GRAPHS
def test_a_lone_list_uses_every_slot(graph: Graph) -> None:
    """At light load a list takes at most 1.4 times what an engine without waste would take."""
    result = simulate(0.02, lists=200, allowed_s=allowed_s(graph), graph=graph)
    assert result.refused == 0
    assert float(np.median(result.took_s)) <= 1.4 * list_s(graph)


@GRAPHS
def test_at_half_load_lists_keep_the_slo(graph: Graph) -> None:
    """At half the bound nothing is refused, and 99 of 100 lists take at most the SLO."""
    result = simulate(0.5, lists=1500, allowed_s=allowed_s(graph), graph=graph)
    assert result.refused == 0
    assert len(result.took_s) == result.lists
    assert float(np.quantile(result.took_s, 0.99)) <= SLO_LISTS * list_s(graph)


def test_a_graph_that_skips_padding_carries_more_within_the_slo() -> None:
    """At 58 % of its bound p99 is about the SLO, where computing padding takes it a fifth over."""
    assert p99_slos(UNPADDED, 0.58) <= 1.1
    assert p99_slos(PADDED, 0.58) > 1.2


@GRAPHS
def test_overload_does_not_lower_goodput(graph: Graph) -> None:
    """At three times the bound as many lists are complete in time as at its peak, within 5 %.

    What is admitted is finished: at most one list in fifty comes too late.
    """
    allowed = allowed_s(graph)
    peak = max(
        simulate(load, lists=800, allowed_s=allowed, graph=graph).goodput(allowed)
        for load in (0.9, 1.1)
    )
    overloaded = simulate(3.0, lists=2000, allowed_s=allowed, graph=graph)
    assert peak > 0.85
    assert overloaded.goodput(allowed) >= 0.95 * peak
    admitted = overloaded.lists - overloaded.refused
    in_time = sum(1 for took_s in overloaded.took_s if took_s <= allowed)
    assert in_time >= 0.98 * admitted
