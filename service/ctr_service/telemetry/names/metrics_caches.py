"""Metrics of the caches in process, and of rows that are computed once for several lists."""

from __future__ import annotations

from ctr_service.telemetry.names.metric import Kind, Metric

ITEM_HITS = Metric(
    "ctr_item_cache_hits", Kind.COUNTER, "", "Candidates that came before, byte by byte."
)
ITEM_MISSES = Metric("ctr_item_cache_misses", Kind.COUNTER, "", "Candidates that were decoded.")
ITEM_BYTES = Metric(
    "ctr_item_cache_bytes", Kind.GAUGE, "bytes", "Size of the cache of decoded candidates."
)
CACHE_HITS = Metric("ctr_token_cache_hits", Kind.COUNTER, "", "Texts found in the token cache.")
CACHE_MISSES = Metric("ctr_token_cache_misses", Kind.COUNTER, "", "Texts that were tokenised.")
CACHE_BYTES = Metric("ctr_token_cache_bytes", Kind.GAUGE, "bytes", "Size of the token cache.")
SCORE_HITS = Metric("ctr_score_cache_hits", Kind.COUNTER, "", "Rows answered by the score cache.")
SCORE_MISSES = Metric(
    "ctr_score_cache_misses", Kind.COUNTER, "", "Rows that the score cache did not know."
)
SCORE_STALE = Metric(
    "ctr_score_cache_stale", Kind.COUNTER, "", "Rows whose cached score had expired."
)
SCORE_EVICTED = Metric(
    "ctr_score_cache_evicted", Kind.COUNTER, "", "Scores dropped for want of room."
)
SCORE_REFRESHED = Metric(
    "ctr_score_cache_refreshed",
    Kind.COUNTER,
    "",
    "Rows computed again behind, before their cached score expired.",
)
SCORE_NEGATIVE = Metric(
    "ctr_score_cache_negative_hits",
    Kind.COUNTER,
    "",
    "Rows that were not tried, because the model had failed them again and again.",
)
SCORE_BYTES = Metric("ctr_score_cache_bytes", Kind.GAUGE, "bytes", "Size of the score cache.")
COALESCED_ROWS = Metric(
    "ctr_coalesced_rows", Kind.COUNTER, "", "Rows that were on their way for another request."
)
ROWS_IN_FLIGHT = Metric("ctr_rows_in_flight", Kind.GAUGE, "", "Distinct rows on their way.")
