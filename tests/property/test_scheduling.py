"""Claims about the scheduler as a whole, in simulated time on the costs of a small BERT."""

from __future__ import annotations

import numpy as np

from tests.support.simulation import BOUND_ROWS_S, LIST_ROWS, simulate

LIST_S = LIST_ROWS / BOUND_ROWS_S
"""The time of one list on all slots of an engine that wastes nothing."""
SLO_S = 7.5 * LIST_S
ALLOWED_S = 2.5 * SLO_S


def test_a_lone_list_uses_every_slot() -> None:
    """At light load a list takes at most 1.4 times what an engine without waste would take."""
    result = simulate(0.02, lists=200, allowed_s=ALLOWED_S)
    assert result.refused == 0
    assert float(np.median(result.took_s)) <= 1.4 * LIST_S


def test_at_half_load_lists_keep_the_slo() -> None:
    """At half the bound nothing is refused, and 99 of 100 lists take at most the SLO."""
    result = simulate(0.5, lists=1500, allowed_s=ALLOWED_S)
    assert result.refused == 0
    assert len(result.took_s) == result.lists
    assert float(np.quantile(result.took_s, 0.99)) <= SLO_S


def test_overload_does_not_lower_goodput() -> None:
    """At three times the bound as many lists are complete in time as at its peak, within 5 %.

    What is admitted is finished: at most one list in fifty comes too late.
    """
    peak = max(
        simulate(load, lists=800, allowed_s=ALLOWED_S).goodput(ALLOWED_S) for load in (0.9, 1.1)
    )
    overloaded = simulate(3.0, lists=2000, allowed_s=ALLOWED_S)
    assert peak > 0.85
    assert overloaded.goodput(ALLOWED_S) >= 0.95 * peak
    admitted = overloaded.lists - overloaded.refused
    in_time = sum(1 for took_s in overloaded.took_s if took_s <= ALLOWED_S)
    assert in_time >= 0.98 * admitted
