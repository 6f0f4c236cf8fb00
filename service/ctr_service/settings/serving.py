"""What is served, where, and where it is watched."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

_MAX_PORT = 65_535


class ServingSettings(BaseModel, frozen=True):
    """One group of the settings; see `ctr_service.settings`."""

    bundle: Path = Field(description="Folder of the bundle to serve (see `ctr-export build`).")
    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 is all.")
    port: int = Field(
        default=8500, ge=0, le=_MAX_PORT, description="gRPC port; 0 takes a free one."
    )
    port_file: Path | None = Field(
        default=None,
        description="Write the gRPC port to this file once health says SERVING (for port 0).",
    )
    health_port: int | None = Field(
        default=None,
        ge=1,
        le=_MAX_PORT,
        description="Answer health on this port too, in clear and nothing else: Kubernetes' gRPC "
        "probes speak no TLS.",
    )
    open_inference: bool = Field(
        default=True,
        description="Serve KServe v2 / Open Inference on the same port (for tritonclient).",
    )
    reflection: bool = Field(default=True, description="Serve gRPC reflection (for grpcurl).")
    metrics: bool = Field(
        default=True, description="Keep metrics, and serve OpenMetrics over HTTP."
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address of the metrics endpoint.")
    metrics_port: int = Field(
        default=8501, ge=0, le=_MAX_PORT, description="Port of /metrics; 0 takes a free one."
    )
