"""Certificates for tests, made on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_service.server.tls import TlsFiles

LOCAL = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Pem:
    """The files of one party: its authority, its certificate and its key."""

    ca: Path
    certificate: Path
    private_key: Path


class Authority:
    """A certificate authority that writes PEM files."""

    def __init__(self, folder: Path) -> None:
        """Make a fresh authority whose files go to `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ca = trustme.CA()
        self.ca = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca))

    def issue(self, name: str, *identities: str) -> Pem:
        """Write a certificate and its key for some names."""
        made = self._ca.issue_cert(*(identities or LOCAL))
        pem = Pem(self.ca, self._folder / f"{name}.pem", self._folder / f"{name}.key")
        pem.certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(pem.private_key))
        return pem


def put(pem: Pem, files: TlsFiles) -> None:
    """Write a party's certificate and key over a server's, as a rotation does."""
    files.private_key.write_bytes(pem.private_key.read_bytes())
    files.certificate.write_bytes(pem.certificate.read_bytes())
