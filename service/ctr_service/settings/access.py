"""Who may connect and call: TLS and tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, model_validator


class AccessSettings(BaseModel, frozen=True):
    """One group of the settings; see `ctr_service.settings`."""

    tls_certificate: Path | None = Field(
        default=None,
        description="PEM file of the server's certificate chain; turns TLS on. Read again when it "
        "changes.",
    )
    tls_private_key: Path | None = Field(
        default=None, description="PEM file of the certificate's private key."
    )
    tls_client_ca: Path | None = Field(
        default=None,
        description="PEM file of the authorities whose client certificates are let in; turns "
        "mutual TLS on.",
    )
    tokens_file: Path | None = Field(
        default=None,
        description="TOML file of token hashes and caller limits (see `ctr-service token new`); "
        "calls without a known token are refused. Read again when it changes.",
    )

    @model_validator(mode="after")
    def _tls_files_come_together(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_private_key is None):
            raise ValueError("--tls-certificate and --tls-private-key come together; give both")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError(
                "--tls-client-ca asks callers for a certificate, which needs TLS; give "
                "--tls-certificate and --tls-private-key too"
            )
        return self
