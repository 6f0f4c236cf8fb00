"""What callers ask for, and how long they wait."""

from __future__ import annotations

from ctr_monitor.suspects.causes.shared import ENGINE_SLOWER, GATEWAY_LOST
from ctr_monitor.suspects.clues import (
    above,
    below,
    outgrew,
    reason,
    rose,
    stands_out,
    steady,
    waits_in,
)
from ctr_monitor.suspects.ranking import Cause, Weighed

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
