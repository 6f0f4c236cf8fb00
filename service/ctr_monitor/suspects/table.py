"""The table of causes: which clues speak for and against each, and what to do about it.

Weights are judgement, kept in check by tests/unit/ctr_monitor/test_suspects.py: a symptom that many
causes share (refusals, a full queue) weighs little, what only one cause does (an open breaker, a
scrape target gone) weighs much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_monitor.suspects.causes import engine, gateway, load, process, rollout, stores, telemetry

if TYPE_CHECKING:
    from ctr_monitor.suspects.ranking import Cause

TABLE: tuple[Cause, ...] = (
    gateway.GATEWAY_GONE,
    gateway.NOT_SERVING,
    stores.REDIS_LOST,
    stores.REDIS_SLOW,
    stores.FEATURES_LATE,
    engine.BACKEND_SLOW,
    engine.BACKEND_FAILING,
    engine.TRITON_LOST,
    load.OVERLOAD,
    gateway.FEWER_REPLICAS,
    load.ONE_CALLER,
    rollout.ONE_VERSION,
    rollout.BAD_ROLLOUT,
    process.CRASH_LOOP,
    stores.COLD_CACHE,
    process.LOOP_BLOCKED,
    process.MEMORY,
    rollout.MODEL_STALE,
    load.SHORT_DEADLINES,
    telemetry.BLIND,
)
BY_KEY = {cause.key: cause for cause in TABLE}
