"""A call's moments -> its stages: what its child spans are. Pure.

The stages follow one another without overlap. One that never began is left out; one that was under
way when the call ended, ends with it, so that a late call shows where it was late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ctr_service.telemetry.names import spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.traces import BatchTrace, CallTrace

MIN_WAIT_NS = 100_000
"""Rows that were all cached are there at once; less than this is no wait."""


class Stage(NamedTuple):
    """One child span; times on the clock that the moments are on."""

    span: spans.Span
    began_ns: int
    ended_ns: int


def stages_of(trace: CallTrace, batches: Sequence[BatchTrace], ended_ns: int) -> list[Stage]:
    """Return the stages that the call came to, in order.

    Args:
        trace: its moments.
        batches: runs that rows of it were in, oldest first; the last ones may still run.
        ended_ns: when the call ended.
    """
    if not trace.scoring_ns:
        return []
    rendered_ns = trace.rendered_ns or ended_ns
    stages = [Stage(spans.FEATURES, trace.scoring_ns, rendered_ns)]
    if not trace.rendered_ns:
        return stages
    tokenised_ns = trace.tokenised_ns or ended_ns
    stages.append(Stage(spans.TOKENISING, rendered_ns, tokenised_ns))
    if not trace.tokenised_ns:
        return stages
    scored_ns = trace.scored_ns or ended_ns
    last_ns = scored_ns
    if batches:
        first_ns = _between(batches[0].began_ns, tokenised_ns, scored_ns)
        last_ns = max(batch.ended_ns or scored_ns for batch in batches)
        last_ns = _between(last_ns, first_ns, scored_ns)
        stages.append(Stage(spans.QUEUE, tokenised_ns, first_ns))
        stages.append(Stage(spans.COMPUTE, first_ns, last_ns))
    elif scored_ns - tokenised_ns >= MIN_WAIT_NS:
        stages.append(Stage(spans.QUEUE, tokenised_ns, scored_ns))
    if trace.scored_ns:
        stages.append(Stage(spans.ANSWER, last_ns, ended_ns))
    return stages


def _between(moment_ns: int, least_ns: int, most_ns: int) -> int:
    return max(least_ns, min(moment_ns, most_ns))
