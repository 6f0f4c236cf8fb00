"""Alertmanager's webhook, version 4: the only module that knows its form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ctr_monitor.errors import BadInputError
from ctr_monitor.model import Alert, State

MAX_ALERTS = 1000
MAX_LABELS = 64
MAX_TEXT = 1024
"""Longer label values and annotations are cut: they are names and sentences."""
NAMELESS = "unnamed"


class _WireAlert(BaseModel):
    status: State
    labels: dict[str, str] = Field(max_length=MAX_LABELS)
    annotations: dict[str, str] = Field(default_factory=dict, max_length=MAX_LABELS)
    starts_at: datetime = Field(alias="startsAt")
    ends_at: datetime | None = Field(default=None, alias="endsAt")
    generator_url: str = Field(default="", alias="generatorURL")
    fingerprint: str = Field(min_length=1, max_length=64)


class _WireNotification(BaseModel):
    version: Literal["4"]
    group_key: str = Field(alias="groupKey", max_length=8192)
    truncated: int = Field(default=0, alias="truncatedAlerts")
    alerts: list[_WireAlert] = Field(min_length=1, max_length=MAX_ALERTS)


class Notification(BaseModel):
    """One webhook.

    Attributes:
        group_key: what Alertmanager grouped by.
        truncated: alerts that Alertmanager left out.
    """

    model_config = ConfigDict(frozen=True)

    group_key: str
    truncated: int = 0
    alerts: tuple[Alert, ...]

    @property
    def firing(self) -> bool:
        """Whether any alert of it fires."""
        return any(alert.status == "firing" for alert in self.alerts)


def parse(body: bytes) -> Notification:
    """Return a webhook's content.

    Raises:
        BadInputError: it is not one; the text names the field.
    """
    try:
        wire = _WireNotification.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise BadInputError(
            f"this is no webhook of Alertmanager, version 4: {where}: {first['msg']}"
        ) from None
    return Notification(
        group_key=wire.group_key,
        truncated=wire.truncated,
        alerts=tuple(_alert(alert) for alert in wire.alerts),
    )


def _alert(wire: _WireAlert) -> Alert:
    labels = {_cut(name): _cut(value) for name, value in wire.labels.items()}
    resolved = wire.status == "resolved"
    return Alert(
        fingerprint=wire.fingerprint,
        name=labels.get("alertname", NAMELESS),
        status=wire.status,
        labels=labels,
        annotations={_cut(name): _cut(value) for name, value in wire.annotations.items()},
        starts_ms=_ms(wire.starts_at),
        ends_ms=_ms(wire.ends_at) if resolved and wire.ends_at is not None else None,
        generator_url=_cut(wire.generator_url),
    )


def _ms(at: datetime) -> int:
    """A time without a zone is taken as UTC; Alertmanager's zero time as 1970."""
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0, round(aware.timestamp() * 1000))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
