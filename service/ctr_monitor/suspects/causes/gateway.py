"""A gateway that is gone, does not serve, or is missed by the others."""

from __future__ import annotations

from ctr_monitor.suspects.causes.shared import GATEWAY_LOST, LOGS, PODS
from ctr_monitor.suspects.clues import above, below, changed, fell, fired, reason
from ctr_monitor.suspects.ranking import Cause, Weighed

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
