"""The table of causes: which clues speak for and against each, and what to do about it.

Weights are judgement, kept in check by tests/unit/ctr_monitor/test_suspects.py: a symptom that many
causes share (refusals, a full queue) weighs little, what only one cause does (an open breaker, a
scrape target gone) weighs much.
"""

from __future__ import annotations

from ctr_monitor.suspects.clues import (
    above,
    below,
    changed,
    fails_in,
    fell,
    fired,
    outgrew,
    reason,
    rose,
    stands_out,
    steady,
    waits_in,
)
from ctr_monitor.suspects.ranking import Cause, Weighed

ENGINE_SLOWER = rose("compute_us_token", 1.5, 2.0)
BREAKER_OPEN = above("breaker", 1.0)
"""2 is open; 1 is one that is being probed, which follows an open one."""
GATEWAY_LOST = fell("replicas_up", 0.999, 0.5)
PODS = "kubectl get pods -l app=ctr-service -o wide"
LOGS = "kubectl logs -l app=ctr-service --since=15m --tail=200"
UNDO = "kubectl rollout undo deployment/ctr-service"

GATEWAY_GONE = Cause(
    "gateway_gone",
    "A gateway is gone",
    clues=(
        Weighed(0.7, GATEWAY_LOST),
        Weighed(0.6, fired("CtrGatewayGone")),
        Weighed(0.4, below("replicas_up", 0.0)),
        Weighed(0.3, changed("replicas", "gateways scraped")),
    ),
    steps=(
        "See whether the process or its machine is gone, or only the way to its metrics.",
        "The log's last lines and the exit code say why it ended (out of memory: 137).",
    ),
    commands=(PODS, "kubectl describe pods -l app=ctr-service", LOGS, "ctr-client health"),
)
NOT_SERVING = Cause(
    "not_serving",
    "A gateway runs and does not serve",
    clues=(
        Weighed(0.7, below("serving", 0.0)),
        Weighed(0.5, fell("serving", 0.999, 0.5)),
        Weighed(0.4, reason("NOT_SERVING")),
    ),
    against=(Weighed(0.6, GATEWAY_LOST),),
    steps=(
        "Look for `backend_gone`, a warm-up that does not end, or a drain that nobody asked for.",
    ),
    commands=("ctr-client health", LOGS),
)
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
BACKEND_SLOW = Cause(
    "backend_slow",
    "The engine (backend) is slow",
    clues=(
        Weighed(0.6, ENGINE_SLOWER),
        Weighed(0.35, rose("compute_ms_batch", 1.5, 2.0)),
        Weighed(0.35, waits_in("ctr.compute", "ctr.batch")),
        Weighed(0.2, rose("cost_error_p50", 2.0, 0.2)),
    ),
    against=(Weighed(0.6, steady("compute_us_token", 1.25)),),
    steps=(
        "The same tokens cost more time than before: a CPU or a Triton that others use too?",
        "Add replicas on other machines; a restart helps only if one process is at fault.",
    ),
    commands=("kubectl top pods -l app=ctr-service", "kubectl top nodes", PODS),
)
BACKEND_FAILING = Cause(
    "backend_failing",
    "The engine (backend) fails",
    clues=(
        Weighed(0.6, rose("failed_rows", 2.0, 0.01)),
        Weighed(0.45, reason("BACKEND_FAILED", "INTERNAL")),
        Weighed(0.4, fails_in("ctr.compute", "ctr.batch")),
        Weighed(0.15, rose("error_share", 2.0, 0.001)),
    ),
    steps=("The log names the engine's error. If a model was rolled out before, take it back.",),
    commands=(LOGS, "ctr-client model", UNDO),
)
TRITON_LOST = Cause(
    "triton_lost",
    "Triton servers are lost",
    clues=(
        Weighed(0.7, fell("triton_ready", 0.999, 0.5)),
        Weighed(0.4, fired("CtrTritonServersLost")),
        Weighed(0.4, rose("triton_failed_share", 2.0, 0.01)),
    ),
    steps=(
        "The gateway's log event `triton_server` says which address, and in Triton's words why.",
    ),
    commands=("kubectl get pods -l app=triton -o wide", LOGS),
)
OVERLOAD = Cause(
    "overload",
    "More is asked than the gateways can compute",
    clues=(
        Weighed(0.5, rose("traffic", 1.3, 0.5)),
        Weighed(0.4, rose("shed_share", 2.0, 0.01)),
        Weighed(0.3, above("queue_saturation", 0.7)),
        Weighed(0.2, waits_in("ctr.queue")),
        Weighed(0.15, rose("queue_wait_p99", 2.0, 5.0)),
    ),
    against=(
        Weighed(0.6, ENGINE_SLOWER),
        Weighed(0.35, steady("traffic", 1.15)),
        Weighed(0.3, GATEWAY_LOST),
    ),
    steps=(
        "Refusals keep the rest inside its deadline: nobody is served wrong.",
        "Add replicas, or ask the callers that grew to send less.",
    ),
    commands=("kubectl scale deployment/ctr-service --replicas=N", "kubectl get hpa"),
)
FEWER_REPLICAS = Cause(
    "fewer_replicas",
    "Too few gateways carry the traffic",
    clues=(
        Weighed(0.4, GATEWAY_LOST),
        Weighed(0.3, fell("serving", 0.999, 0.5)),
        Weighed(0.1, above("queue_saturation", 0.7)),
    ),
    against=(Weighed(0.5, fired("CtrGatewayGone")),),
    steps=("Bring the missing replicas back before anything else.",),
    commands=(PODS, "kubectl scale deployment/ctr-service --replicas=N"),
)
ONE_CALLER = Cause(
    "one_caller",
    "One caller asks for much more than before",
    clues=(
        Weighed(0.8, outgrew("caller_traffic", 0.6, 1.5, 0.5)),
        Weighed(0.1, rose("shed_share", 2.0, 0.01)),
        Weighed(0.2, stands_out("caller_error_share", 3.0, 0.05)),
    ),
    against=(Weighed(0.5, ENGINE_SLOWER),),
    steps=("Give that caller a limit in the tokens file; it takes force within 2 s.",),
    commands=("ctr-service token --help",),
)
ONE_VERSION = Cause(
    "one_model_version",
    "One model version is worse than the others",
    clues=(
        Weighed(0.7, stands_out("version_error_share", 3.0, 0.01)),
        Weighed(0.5, stands_out("version_latency_p99", 1.5, 5.0)),
        Weighed(0.2, changed("model", "appeared")),
    ),
    steps=("Take that version back; `ctr-export compare` puts the two bundles side by side.",),
    commands=(UNDO, "ctr-client model"),
)
BAD_ROLLOUT = Cause(
    "bad_rollout",
    "A roll-out went wrong",
    clues=(
        Weighed(0.5, changed("model", "appeared")),
        Weighed(0.3, changed("config")),
        Weighed(0.2, changed("restart")),
        Weighed(0.2, stands_out("version_error_share", 3.0, 0.01)),
        Weighed(0.15, rose("error_share", 2.0, 0.005)),
    ),
    against=(Weighed(0.3, BREAKER_OPEN),),
    steps=("What changed is listed below. Take it back first, understand it afterwards.",),
    commands=("kubectl rollout history deployment/ctr-service", UNDO),
)
CRASH_LOOP = Cause(
    "restarts",
    "Processes of the gateway die and start again",
    clues=(
        Weighed(0.5, above("restarts", 1.5)),
        Weighed(0.2, changed("restart")),
    ),
    steps=("The log event `worker_died` has the reason; exit code 137 is the memory limit.",),
    commands=(PODS, "kubectl logs -l app=ctr-service --previous --tail=100"),
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
LOOP_BLOCKED = Cause(
    "event_loop_blocked",
    "The event loop is blocked",
    clues=(
        Weighed(0.5, above("loop_lag_p99", 50.0)),
        Weighed(0.35, rose("loop_lag_p99", 3.0, 10.0)),
        Weighed(0.35, fired("CtrEventLoopLagging")),
    ),
    against=(Weighed(0.25, rose("traffic", 1.3, 0.5)),),
    steps=(
        "All of a request but the engine waits in it: a CPU limit, or work that belongs elsewhere?",
        "More workers help where cores are idle.",
    ),
    commands=("kubectl top pods -l app=ctr-service --containers", LOGS),
)
MEMORY = Cause(
    "memory_growing",
    "Memory grows towards its limit",
    clues=(
        Weighed(0.6, fired("CtrMemoryGrowing")),
        Weighed(0.4, rose("memory_bytes", 1.3, 100e6)),
    ),
    steps=(
        "Caches are bounded by their settings; growth beyond them is a defect. Restart one by one.",
    ),
    commands=(
        "kubectl top pods -l app=ctr-service",
        "kubectl rollout restart deployment/ctr-service",
    ),
)
MODEL_STALE = Cause(
    "model_stale",
    "No new model was delivered",
    clues=(Weighed(0.8, fired("CtrModelStale")),),
    steps=(
        "The gateway is well. Look at training and export: which step did not run or did not pass?",
    ),
    commands=("ctr-client model",),
)
SHORT_DEADLINES = Cause(
    "short_deadlines",
    "Callers' deadlines leave too little time",
    clues=(
        Weighed(0.4, reason("DEADLINE_EXCEEDED")),
        Weighed(0.3, below("deadline_slack_p05", 1.0)),
    ),
    against=(Weighed(0.5, ENGINE_SLOWER), Weighed(0.3, rose("queue_wait_p99", 2.0, 5.0))),
    steps=("Did a caller shorten its deadline, or send longer lists?",),
)
BLIND = Cause(
    "telemetry_lost",
    "The gateways serve, but their span metrics are missing",
    clues=(Weighed(0.6, fired("CtrSpanMetricsAbsent")),),
    against=(Weighed(0.6, GATEWAY_LOST),),
    steps=("Until it is back no other alert can fire: look at the scrape and at the Collector.",),
    commands=("curl -s 127.0.0.1:8501/metrics | grep traces_span_metrics",),
)

TABLE: tuple[Cause, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Cause)
)
BY_KEY = {cause.key: cause for cause in TABLE}
