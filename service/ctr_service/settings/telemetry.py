"""What is traced, and how much is logged."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class TelemetrySettings(BaseModel, frozen=True):
    """One group of the settings; see `ctr_service.settings`."""

    tracing: bool = Field(
        default=True,
        description="Make spans and count them (`traces_span_metrics_*`). They are sent where "
        "OTEL_EXPORTER_OTLP_ENDPOINT says, and nowhere without it.",
    )
    trace_ratio: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of the traces beginning here that are sent; a caller that samples its "
        "own decides for those.",
    )
    trace_slow_ms: float = Field(
        default=100.0,
        gt=0,
        description="A call that took longer, or failed, is sent as well.",
    )
    trace_extra_per_s: int = Field(
        default=20, ge=1, le=10_000, description="At most so many of those in a second."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level to log."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="Form of the log on stderr; auto is console on a terminal."
    )
    log_lines_per_minute: int = Field(
        default=60,
        ge=0,
        description="Most lines of one event in a minute; the next line tells how many were left "
        "out. 0 is no limit.",
    )
