"""The flags of `serve` as settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctr_monitor.alerts.grouping import GroupSettings
from ctr_monitor.around.prometheus import PrometheusSettings
from ctr_monitor.around.windows import LookSettings
from ctr_monitor.clock import MS_PER_S
from ctr_monitor.schedule import ScheduleSettings
from ctr_monitor.settings import Settings
from ctr_monitor.traces.keeping import KeepSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1024 * 1024
LEAST_RATE_S = 4
"""Four scrapes a second apart: no drill scrapes more often."""


def settings_from(flags: Mapping[str, Any]) -> Settings:
    """Return the settings that click's parsed flags say."""
    host, port = flags["listen"]
    grpc_port = flags["otlp_grpc"]
    scale = flags["window_scale"]
    return Settings(
        store=flags["store"],
        prometheus=PrometheusSettings(
            url=flags["prometheus"], deadline_s=flags["query_deadline_s"]
        ),
        host=host,
        port=port,
        otlp_grpc_port=None if grpc_port < 0 else grpc_port,
        job=flags["job"],
        group=GroupSettings(
            reopen_ms=round(flags["reopen_within_s"] * scale * MS_PER_S),
            join_ms=round(flags["join_within_s"] * scale * MS_PER_S),
        ),
        report_deadline_s=flags["report_deadline_s"],
        public_url=flags["public_url"],
        runbook_base=flags["runbook_base"],
        user_header=flags["user_header"],
        slo=flags["slo"],
        allow_list=flags["allow_list"],
        port_file=flags["port_file"],
        grace_s=flags["grace_s"],
        look=_look(flags["window_s"], flags["rate_s"], scale),
        schedule=ScheduleSettings(
            again_s=tuple(after_s * scale for after_s in flags["look_again_s"]),
            retry_s=flags["retry_s"],
        ),
        keep=KeepSettings(
            max_traces=flags["max_traces"],
            max_bytes=flags["max_trace_mib"] * MIB,
            slow_ms=flags["slow_ms"],
        ),
    )


def _look(window_s: int, rate_s: int, scale: float) -> LookSettings:
    """Shortened alike, but a rate needs its scrapes."""
    rate_in_force_s = max(round(rate_s * scale), min(rate_s, LEAST_RATE_S))
    return LookSettings(
        window_s=max(round(window_s * scale), rate_in_force_s),
        rate_s=rate_in_force_s,
        scale=scale,
    )
