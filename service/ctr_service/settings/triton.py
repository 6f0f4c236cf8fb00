"""Triton servers, when the model runs there instead of in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, model_validator


class TritonSettings(BaseModel, frozen=True):
    """One group of the settings; see `ctr_service.settings`."""

    triton: str | None = Field(
        default=None,
        description="Run the model in Triton instead of in this process: HOST:PORT[,HOST:PORT] of "
        "its gRPC. A name with several addresses (a headless Service) is a server each.",
    )
    triton_slots: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Batches in flight at one Triton server; 0 is the model's instances there.",
    )
    triton_connections: int = Field(
        default=2, ge=1, le=64, description="Connections to each Triton server."
    )
    triton_wait_s: float = Field(
        default=60.0,
        gt=0,
        le=3_600,
        description="How long Triton may take to come up when the gateway starts.",
    )
    triton_gone_s: float = Field(
        default=10.0,
        ge=0,
        le=3_600,
        description="Health says NOT_SERVING when no Triton server was usable for so long; 0 is "
        "never.",
    )
    triton_tls: bool = Field(default=False, description="Speak TLS with Triton.")
    triton_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authorities that signed Triton's certificate; without it the "
        "system's.",
    )
    triton_cert_file: Path | None = Field(
        default=None, description="PEM file of this client's certificate for Triton (mutual TLS)."
    )
    triton_key_file: Path | None = Field(
        default=None, description="PEM file of that certificate's private key."
    )

    @model_validator(mode="after")
    def _triton_is_whole(self) -> Self:
        files = (self.triton_ca_file, self.triton_cert_file, self.triton_key_file)
        if self.triton is None and self.triton_tls:
            raise ValueError("--triton-tls needs --triton")
        if any(path is not None for path in files) and not self.triton_tls:
            raise ValueError("a --triton-...-file is given, but no --triton-tls")
        if (self.triton_cert_file is None) != (self.triton_key_file is None):
            raise ValueError("--triton-cert-file and --triton-key-file come together; give both")
        return self
