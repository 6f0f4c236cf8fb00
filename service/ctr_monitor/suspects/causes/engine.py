"""The engine that computes scores, here or in Triton."""

from __future__ import annotations

from ctr_monitor.suspects.causes.shared import ENGINE_SLOWER, LOGS, PODS, UNDO
from ctr_monitor.suspects.clues import fails_in, fell, fired, reason, rose, steady, waits_in
from ctr_monitor.suspects.ranking import Cause, Weighed

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
