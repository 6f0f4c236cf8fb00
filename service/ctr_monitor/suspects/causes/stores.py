"""Redis, the feature store, and the caches in front of them."""

from __future__ import annotations

from ctr_monitor.suspects.causes.shared import BREAKER_OPEN, ENGINE_SLOWER
from ctr_monitor.suspects.clues import changed, fell, fired, rose, waits_in
from ctr_monitor.suspects.ranking import Cause, Weighed

REDIS_LOST = Cause(
    "redis_lost",
    "Redis (cache, feature store) is lost",
    clues=(
        Weighed(0.6, BREAKER_OPEN),
        Weighed(0.35, fired("CtrRemoteCacheBreakerOpen")),
        Weighed(0.35, rose("remote_failures", 3.0, 0.05)),
    ),
    steps=(
        "Nothing fails because of it; caches are colder and features may be defaults.",
        "`ctr_remote_failures_total{kind}` says how it fails: connect, timeout, auth, read_only.",
    ),
    commands=('redis-cli -u "$CTR_REDIS_URL" ping', "kubectl get pods -l app=redis -o wide"),
)
REDIS_SLOW = Cause(
    "redis_slow",
    "Redis (cache, feature store) is slow",
    clues=(
        Weighed(0.5, rose("remote_read_p99", 2.0, 0.5)),
        Weighed(0.4, waits_in("ctr.features", "ctr.tokens")),
        Weighed(0.3, rose("late_feature_share", 2.0, 0.01)),
    ),
    against=(Weighed(0.6, BREAKER_OPEN),),
    steps=("Look for a big key, a slow command, a save, or a full network.",),
    commands=(
        'redis-cli -u "$CTR_REDIS_URL" --latency-history',
        'redis-cli -u "$CTR_REDIS_URL" slowlog get 10',
    ),
)
FEATURES_LATE = Cause(
    "feature_store_slow",
    "The feature store answers late",
    clues=(
        Weighed(0.6, rose("late_feature_share", 2.0, 0.01)),
        Weighed(0.4, waits_in("ctr.features")),
        Weighed(0.35, fired("CtrFeaturesLate")),
        Weighed(0.1, rose("degraded_share", 2.0, 0.01)),
    ),
    against=(Weighed(0.4, BREAKER_OPEN),),
    steps=("Searches are scored with default features meanwhile; look at the store.",),
    commands=('redis-cli -u "$CTR_REDIS_URL" info commandstats',),
)
COLD_CACHE = Cause(
    "cold_cache",
    "Caches are cold",
    clues=(
        Weighed(0.5, fell("score_hit_share", 0.7, 0.1)),
        Weighed(0.3, fell("token_hit_share", 0.7, 0.1)),
        Weighed(0.3, fired("CtrCacheCold")),
        Weighed(0.2, changed("restart")),
    ),
    against=(Weighed(0.4, BREAKER_OPEN), Weighed(0.3, ENGINE_SLOWER)),
    steps=(
        "They fill by themselves. A new model version starts cold: its scores are other scores.",
        "If it does not pass: texts became other texts, or a cache is too small.",
    ),
    commands=("curl -s 127.0.0.1:8501/metrics | grep -E 'ctr_(score|token)_cache'",),
)
