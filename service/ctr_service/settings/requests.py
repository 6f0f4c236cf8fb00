"""How long and how large requests may be, and how the gateway lets go of them."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, model_validator

from ctr_service.limits import NS_PER_S, WIRE_LIMITS

_WIRE_DEADLINE_S = WIRE_LIMITS.deadline_ns / NS_PER_S


class RequestSettings(BaseModel, frozen=True):
    """One group of the settings; see `ctr_service.settings`."""

    default_deadline_s: float = Field(
        default=1.0, gt=0, description="Deadline of a request that brings none."
    )
    max_deadline_s: float = Field(
        default=_WIRE_DEADLINE_S,
        gt=0,
        le=_WIRE_DEADLINE_S,
        description="A longer deadline is cut to this.",
    )
    reserve_s: float = Field(
        default=0.005,
        ge=0,
        le=1,
        description="Time kept back from each deadline for the answer's own way home.",
    )
    max_requests: int = Field(
        default=1_024, ge=1, description="Requests in progress at once; more are refused."
    )
    max_message_bytes: int = Field(
        default=WIRE_LIMITS.message_bytes,
        ge=64 * 1024,
        le=WIRE_LIMITS.message_bytes,
        description="The largest gRPC message.",
    )
    max_connection_age_s: float = Field(
        default=0,
        ge=0,
        le=86_400,
        description="Ask a connection this old to move on, without failing a call; 0 is never. "
        "Behind a Kubernetes Service let drain-delay-s outlast it.",
    )
    drain_delay_s: float = Field(
        default=0,
        ge=0,
        le=600,
        description="After SIGTERM keep serving this long with health NOT_SERVING, so that "
        "balancers look elsewhere first. On Kubernetes: longer than the endpoint lag, e.g. 10.",
    )
    grace_s: float = Field(
        default=11.0,
        gt=0,
        le=600,
        description="Then let accepted requests finish for at most this long; above max-deadline-s "
        "none is cut off.",
    )

    @model_validator(mode="after")
    def _deadlines_agree(self) -> Self:
        if self.default_deadline_s > self.max_deadline_s:
            raise ValueError(
                f"--default-deadline-s ({self.default_deadline_s:g}) must not exceed "
                f"--max-deadline-s ({self.max_deadline_s:g})"
            )
        if self.reserve_s >= self.default_deadline_s:
            raise ValueError(
                f"--reserve-s ({self.reserve_s:g}) must be shorter than "
                f"--default-deadline-s ({self.default_deadline_s:g})"
            )
        return self
