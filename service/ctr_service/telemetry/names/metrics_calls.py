"""Metrics of calls: what came in, how it ended, and what it got."""

from __future__ import annotations

from ctr_service.telemetry.names.metric import SECONDS_BOUNDS, Kind, Metric

REFUSAL_SECONDS_BOUNDS = (
    *(0.0005, 0.001, 0.0015, 0.002, 0.0025, 0.003, 0.0035, 0.004, 0.0045, 0.005),
    *(0.006, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.5),
)
"""Fine below 5 ms, within which an overloaded gateway shall refuse."""
SLACK_BOUNDS = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""What is at most 0 came too late."""
METHOD, CODE, REASON = "method", "code", "reason"
STATUS, SOURCE, CALLER = "status", "source", "caller"

REQUESTS = Metric(
    "ctr_requests", Kind.COUNTER, "", "Calls ended, by gRPC method and code.", (METHOD, CODE)
)
REFUSALS = Metric(
    "ctr_refusals",
    Kind.COUNTER,
    "",
    "Calls that ended with an error, by ErrorReason.",
    (METHOD, REASON),
)
CALLER_CALLS = Metric(
    "ctr_caller_calls",
    Kind.COUNTER,
    "",
    "Calls ended, by caller of the tokens file and code.",
    (CALLER, CODE),
)
CALLER_TOKENS = Metric(
    "ctr_caller_tokens",
    Kind.COUNTER,
    "",
    "Tokens of rows answered, padding left out, by caller of the tokens file.",
    (CALLER,),
)
REFUSAL_SECONDS = Metric(
    "ctr_refusal_duration_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "From the arrival of a call that ended with an error to that error, by ErrorReason.",
    (REASON,),
    REFUSAL_SECONDS_BOUNDS,
)
REQUEST_SECONDS = Metric(
    "ctr_request_duration_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "From a call's arrival in the process to its answer's bytes.",
    (METHOD,),
    SECONDS_BOUNDS,
)
IN_FLIGHT = Metric("ctr_requests_in_flight", Kind.GAUGE, "", "Calls in progress.", (METHOD,))
CANDIDATES = Metric(
    "ctr_candidates",
    Kind.COUNTER,
    "",
    "Candidates answered, by status and source (`none` for INVALID).",
    (STATUS, SOURCE),
)
DEGRADED = Metric(
    "ctr_degraded_answers", Kind.COUNTER, "", "Answers in which at least one item fell back."
)
TRUNCATED = Metric(
    "ctr_truncated_texts", Kind.COUNTER, "", "Distinct texts of a request cut to their budget."
)
DEADLINE_SLACK_SECONDS = Metric(
    "ctr_deadline_slack_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "What was left of the deadline when a list's answer was written.",
    (),
    SLACK_BOUNDS,
)
