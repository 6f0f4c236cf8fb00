"""What ails a gateway's own process."""

from __future__ import annotations

from ctr_monitor.suspects.causes.shared import LOGS, PODS
from ctr_monitor.suspects.clues import above, changed, fired, rose
from ctr_monitor.suspects.ranking import Cause, Weighed

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
