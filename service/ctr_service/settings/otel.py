"""What the environment says to every OpenTelemetry SDK, as far as the gateway decides by it.

Endpoint, headers, certificates, timeout, compression and resource are read by the SDK itself.
"""

from __future__ import annotations

from typing import Literal, TypeAlias
from urllib.parse import unquote

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ctr_service.errors import SettingsError
from ctr_service.telemetry.names.spans import SERVICE

PREFIX = "OTEL_"
Protocol: TypeAlias = Literal["grpc", "http/protobuf"]


class OtelVariables(BaseSettings):
    """`OTEL_*`; empty is not given. Times in milliseconds."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_prefix=PREFIX, env_ignore_empty=True
    )

    sdk_disabled: bool = False
    service_name: str = ""
    resource_attributes: str = ""
    traces_exporter: Literal["otlp", "none", ""] = ""
    exporter_otlp_endpoint: str = ""
    exporter_otlp_traces_endpoint: str = ""
    exporter_otlp_protocol: Protocol = "grpc"
    exporter_otlp_traces_protocol: Protocol | None = None
    bsp_schedule_delay: int | None = Field(default=None, ge=1)
    bsp_max_export_batch_size: int | None = Field(default=None, ge=1)
    bsp_max_queue_size: int = Field(default=2_048, ge=1)

    @property
    def name(self) -> str:
        """`service.name`, the label of span metrics: the variable's, the resource's, or ours."""
        if self.service_name:
            return self.service_name
        for pair in self.resource_attributes.split(","):
            key, _, value = pair.partition("=")
            if key.strip() == "service.name" and value.strip():
                return unquote(value.strip())
        return SERVICE

    @property
    def protocol(self) -> Protocol | None:
        """How spans are sent; None where nobody asked for it.

        The standard sends to localhost by default; here an endpoint, or OTEL_TRACES_EXPORTER=otlp,
        asks for it, so that a gateway without a Collector does not call one all day.
        """
        asked = self.traces_exporter == "otlp" or bool(
            self.exporter_otlp_endpoint or self.exporter_otlp_traces_endpoint
        )
        if not asked or self.traces_exporter == "none":
            return None
        return self.exporter_otlp_traces_protocol or self.exporter_otlp_protocol


def read_otel() -> OtelVariables:
    """Read the environment.

    Raises:
        SettingsError: names the variable that is wrong, and what it must be.
    """
    try:
        return OtelVariables()
    except ValidationError as error:
        detail = error.errors()[0]
        name = f"{PREFIX}{detail['loc'][0]}".upper()
        reason = detail["msg"].removeprefix("Input should be ")
        raise SettingsError(f"{name} must be {reason}, not {detail['input']!r}") from None
