"""Laws of the ranking, for any evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ctr_monitor.around.questions import QUESTIONS
from ctr_monitor.model import Change, Finding, Reading
from ctr_monitor.suspects.evidence import Evidence, TraceFacts
from ctr_monitor.suspects.ranking import Cause, Weighed, rank, weigh
from ctr_monitor.suspects.table import TABLE

if TYPE_CHECKING:
    import random

KEYS = [question.key for question in QUESTIONS]
VALUES = st.none() | st.floats(0, 1e9)
ALERTS = ["CtrGatewayGone", "CtrCacheCold", "CtrModelStale", "CtrMemoryGrowing", "Other"]
SHARES = st.dictionaries(
    st.sampled_from(["ctr.queue", "ctr.compute", "ctr.features"]), st.floats(0, 1)
)

readings = st.lists(
    st.builds(
        Reading,
        key=st.sampled_from(KEYS),
        labels=st.dictionaries(st.sampled_from(["caller", "side"]), st.sampled_from("ab")),
        before=VALUES,
        during=VALUES,
    ),
    max_size=30,
)
evidences = st.builds(
    Evidence,
    alerts=st.frozensets(st.sampled_from(ALERTS)),
    readings=readings.map(tuple),
    changes=st.lists(
        st.builds(
            Change,
            kind=st.sampled_from(["model", "config", "replicas", "restart"]),
            at_ms=st.integers(0, 10**12),
            text=st.sampled_from(["model v2 appeared", "gateways scraped: 3 to 2", "x"]),
        ),
        max_size=4,
    ).map(tuple),
    traces=st.builds(
        TraceFacts,
        slow=st.integers(0, 9),
        failed=st.integers(0, 9),
        stage_share=SHARES,
        failed_stage_share=SHARES,
    ),
)


@given(evidences)
def test_scores_are_shares_in_falling_order(evidence: Evidence) -> None:
    """Every score lies between 0 and 1, the list falls, no cause is named twice or for nothing."""
    ranked = rank(evidence, TABLE)
    assert all(0 <= suspected.score <= 1 and suspected.evidence for suspected in ranked)
    assert [s.score for s in ranked] == sorted((s.score for s in ranked), reverse=True)
    assert len({s.key for s in ranked}) == len(ranked)


@given(evidences, st.randoms(use_true_random=False))
def test_the_table_order_changes_nothing(evidence: Evidence, shuffler: random.Random) -> None:
    """The rows of the table are a set."""
    rows = list(TABLE)
    shuffler.shuffle(rows)
    assert rank(evidence, rows) == rank(evidence, TABLE)


@given(evidences)
def test_nothing_missing_is_held_against_anybody(evidence: Evidence) -> None:
    """Without readings, changes and traces only causes that an alert names are left."""
    bare = replace(evidence, readings=(), changes=(), traces=TraceFacts())
    assert all("alert" in s.evidence[0].text for s in rank(bare, TABLE))


weights = st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), max_size=6)


def _cause(speaks_for: list[tuple[float, bool]], against: list[tuple[float, bool]]) -> Cause:
    def clue(weight: float, *, speaks: bool) -> Weighed:
        return Weighed(weight, lambda _: Finding(text="x") if speaks else None)

    return Cause(
        "any",
        "Any",
        clues=tuple(clue(w, speaks=s) for w, s in speaks_for),
        against=tuple(clue(w, speaks=s) for w, s in against),
    )


def _score(cause: Cause) -> float:
    suspected = weigh(Evidence(), cause)
    return 0.0 if suspected is None else suspected.score


@given(weights, weights, st.floats(0.01, 0.99))
def test_more_evidence_for_a_cause_never_lowers_it(
    speaks_for: list[tuple[float, bool]], against: list[tuple[float, bool]], more: float
) -> None:
    """One more clue for a cause raises its score or leaves it; against it, the reverse."""
    score = _score(_cause(speaks_for, against))
    assert _score(_cause([*speaks_for, (more, True)], against)) >= score
    assert _score(_cause(speaks_for, [*against, (more, True)])) <= score
    assert _score(_cause([*speaks_for, (more, False)], [*against, (more, False)])) == score
