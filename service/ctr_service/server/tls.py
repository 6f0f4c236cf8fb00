"""TLS and mutual TLS from PEM files, read again when they change, without dropping a connection.

gRPC asks for the certificate at every new connection, so a rotation by cert-manager is seen by the
next handshake. Files that do not fit together (a rotation half done, a wrong file) leave the old
certificate in force.
"""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import grpc

from ctr_service.errors import SettingsError
from ctr_service.server.file_watch import signature_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from ctr_service.server.file_watch import Signature


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the PEM files lie.

    Attributes:
        certificate: the server's chain, its own certificate first.
        private_key: of that certificate.
        client_ca: who signs client certificates; None asks callers for none.
    """

    certificate: Path
    private_key: Path
    client_ca: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files that there are."""
        every = (self.certificate, self.private_key, self.client_ca)
        return tuple(path for path in every if path is not None)


def server_credentials(files: TlsFiles, log: FilteringBoundLogger) -> grpc.ServerCredentials:
    """Return credentials that follow the files.

    Raises:
        SettingsError: a file is missing or wrong, or key and certificate do not belong together.
    """
    certificates = Certificates(files, log)
    fetch = cast("Callable[[], grpc.ServerCertificateConfiguration]", certificates.fetch)
    return grpc.dynamic_ssl_server_credentials(
        certificates.first,
        fetch,  # its None, "no change", is missing in the library's types
        files.client_ca is not None,
    )


class Certificates:
    """The configuration that gRPC serves with now. `fetch` runs in gRPC's own threads."""

    def __init__(
        self,
        files: TlsFiles,
        log: FilteringBoundLogger,
        signature: Callable[[tuple[Path, ...]], Signature] = signature_of,
    ) -> None:
        """Read the files for the first time.

        Raises:
            SettingsError: see `server_credentials`.
        """
        self._files = files
        self._log = log
        self._signature = signature
        self._seen = signature(files.paths)
        self._lock = threading.Lock()
        self.first = read_configuration(files)

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the files' configuration when they changed, else None: the last one stays.

        Never raises: gRPC would go on with the old one too, but say so on stderr only.
        """
        with self._lock:
            before = self._signature(self._files.paths)
            if before == self._seen:
                return None
            try:
                fresh = read_configuration(self._files)
            except SettingsError as error:
                self._seen = before  # say it once; the next change is looked at again
                self._log.error(
                    "tls_not_reloaded", error=str(error), effect="the old certificate serves"
                )
                return None
            if self._signature(self._files.paths) != before:
                return None  # changed while it was read: the next connection reads it whole
            self._seen = before
            self._log.info("tls_reloaded", certificate=str(self._files.certificate))
            return fresh


def read_configuration(files: TlsFiles) -> grpc.ServerCertificateConfiguration:
    """Read the files and see that they fit together.

    Raises:
        SettingsError: they do not.
    """
    chain = _read("--tls-certificate", files.certificate)
    key = _read("--tls-private-key", files.private_key)
    authorities = None
    # gRPC says nothing about wrong files until a handshake fails, so Python's own TLS looks first.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.private_key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError):
        raise SettingsError(
            f"--tls-certificate {files.certificate} and --tls-private-key {files.private_key} do "
            "not fit together: both must be PEM, the certificate that of the key, the key without "
            "a password"
        ) from None
    if files.client_ca is not None:
        authorities = _read("--tls-client-ca", files.client_ca)
        try:
            context.load_verify_locations(files.client_ca)
        except (ssl.SSLError, OSError):
            raise SettingsError(
                f"--tls-client-ca {files.client_ca} holds no certificate in PEM"
            ) from None
    return grpc.ssl_server_certificate_configuration([(key, chain)], authorities)


def _read(flag: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{flag} {path} cannot be read: {error.strerror}") from None


def _no_password() -> bytes:
    # Without this OpenSSL would ask on the terminal, and a server would hang.
    raise ValueError("the private key has a password")
