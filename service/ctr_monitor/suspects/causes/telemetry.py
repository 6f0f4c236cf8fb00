"""Signals that are missing while all is well."""

from __future__ import annotations

from ctr_monitor.suspects.causes.shared import GATEWAY_LOST
from ctr_monitor.suspects.clues import fired
from ctr_monitor.suspects.ranking import Cause, Weighed

BLIND = Cause(
    "telemetry_lost",
    "The gateways serve, but their span metrics are missing",
    clues=(Weighed(0.6, fired("CtrSpanMetricsAbsent")),),
    against=(Weighed(0.6, GATEWAY_LOST),),
    steps=("Until it is back no other alert can fire: look at the scrape and at the Collector.",),
    commands=("curl -s 127.0.0.1:8501/metrics | grep traces_span_metrics",),
)
