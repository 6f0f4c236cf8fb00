"""A model or a release that came, or did not come."""

from __future__ import annotations

from ctr_monitor.suspects.causes.shared import BREAKER_OPEN, UNDO
from ctr_monitor.suspects.clues import changed, fired, rose, stands_out
from ctr_monitor.suspects.ranking import Cause, Weighed

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
MODEL_STALE = Cause(
    "model_stale",
    "No new model was delivered",
    clues=(Weighed(0.8, fired("CtrModelStale")),),
    steps=(
        "The gateway is well. Look at training and export: which step did not run or did not pass?",
    ),
    commands=("ctr-client model",),
)
