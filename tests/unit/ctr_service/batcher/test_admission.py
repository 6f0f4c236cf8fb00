"""Claims of `ctr_service.batcher.admission`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.backend.base import Cost
from ctr_service.batcher.admission import MIN_RETRY_NS, Load, decide
from ctr_service.batcher.cost import FIRST_MARGIN, CostModel

TOKEN_S = 1e-4
COST = CostModel([Cost(bucket, 8, TOKEN_S * bucket * 8) for bucket in (16, 32, 64)])
IDLE = Load(tokens_before=0, running_seconds=0, slots=2, idle=True)
MS = 1_000_000
LIST = [32] * 10  # 32 ms of one slot, 24 ms of two at the first margin


def busy(tokens_before: float, running_seconds: float = 0.0) -> Load:
    """Return the load of a server that works."""
    return Load(tokens_before, running_seconds, slots=2, idle=False)


def test_a_list_that_fits_is_admitted_whole() -> None:
    """With time enough for what is ahead and for itself, all rows are queued."""
    assert decide(LIST, 100 * MS, busy(320), COST).rows == len(LIST)


def test_a_list_that_fitted_an_idle_server_is_refused_whole() -> None:
    """Under load such a list is not cut: it is refused, with the time until it would fit."""
    admission = decide(LIST, 40 * MS, busy(300), COST)  # seven of its rows would fit
    assert admission.rows == 0
    # 15 ms stand before it; 40 ms / 1.5 - 16 ms are to spare.
    assert admission.retry_after_ns == pytest.approx(15 * MS - (40 * MS / FIRST_MARGIN - 16 * MS))


def test_hiccups_do_not_refuse_a_list_whose_deadline_is_far() -> None:
    """Three hiccups in a hundred runs make the margin 3, yet more than a third may wait."""
    model = CostModel([Cost(bucket, 8, TOKEN_S * bucket * 8) for bucket in (16, 32, 64)])
    for run in range(400):
        hiccup = 3.5 if run % 33 == 0 else 1.0
        seconds = hiccup * TOKEN_S * 32 * 5
        model.observe(bucket_tokens=32, rows=5, queued_tokens=160, seconds=seconds)
    assert model.margin > 2.5
    third = 2 * 0.1 / model.drain_seconds(1)  # both slots compute for a third of the deadline
    assert decide(LIST, 300 * MS, busy(third), model).rows == len(LIST)
    assert decide(LIST, 300 * MS, busy(2 * third), model).rows == 0


def test_a_list_too_long_for_its_deadline_is_cut_to_its_first_rows() -> None:
    """A list that no idle server finishes is shrunk to what fits, load counted."""
    long = [32] * 1000
    idle_rows = decide(long, 1_000 * MS, IDLE, COST).rows
    assert idle_rows == pytest.approx(2 * 1.0 / (32 * TOKEN_S), rel=0.01)
    loaded_rows = decide(long, 1_000 * MS, busy(2000), COST).rows
    assert 0.5 * idle_rows < loaded_rows < idle_rows
    assert decide(long, 1_000 * MS, busy(11_000), COST).rows == 0, "less than half is not worth it"


def test_the_start_of_a_run_counts() -> None:
    """Where a run takes 10 ms before its first row, a list with less time is refused."""
    dear = CostModel([Cost(b, r, 0.010 + TOKEN_S * b * r) for b in (16, 32) for r in (1, 8)])
    assert decide([16], 10 * MS, busy(0), dear).rows == 0
    assert decide([16], 30 * MS, busy(0), dear).rows == 1


def test_an_idle_server_never_refuses() -> None:
    """Even when the model expects the first row to be late, a row a slot runs and teaches it."""
    assert decide(LIST, 1, IDLE, COST).rows == IDLE.slots
    assert decide([32], 1, IDLE, COST).rows == 1


def test_a_tight_list_on_an_idle_server_is_not_cut() -> None:
    """Where the margin alone says no, all rows are tried: at worst the last ones are late."""
    assert decide(LIST, 17 * MS, IDLE, COST).rows == len(LIST), "16 ms are expected"
    assert decide(LIST, 10 * MS, IDLE, COST).rows == 6


def test_nothing_is_refused_while_costs_are_unknown() -> None:
    """A model that knows nothing has no say."""
    assert decide(LIST, 1, busy(10**9), CostModel()).rows == len(LIST)


def test_running_batches_count() -> None:
    """What is left of the running batches delays a list as waiting tokens do."""
    assert decide(LIST, 60 * MS, busy(0), COST).rows == len(LIST)
    assert decide(LIST, 60 * MS, busy(0, running_seconds=0.1), COST).rows == 0


@given(
    buckets=st.lists(st.sampled_from([16, 32, 64]), min_size=1, max_size=50),
    slack_ns=st.integers(1, 200 * MS),
    ahead=st.floats(0, 5000),
    more=st.floats(0, 5000),
)
def test_more_load_never_admits_more(
    buckets: list[int], slack_ns: int, ahead: float, more: float
) -> None:
    """Rows admitted fall with load; a refusal always says when to come back."""
    light = decide(buckets, slack_ns, busy(ahead), COST)
    heavy = decide(buckets, slack_ns, busy(ahead + more), COST)
    assert 0 <= heavy.rows <= light.rows <= len(buckets)
    for admission in (light, heavy):
        assert (admission.rows == 0) == (admission.retry_after_ns >= MIN_RETRY_NS)
