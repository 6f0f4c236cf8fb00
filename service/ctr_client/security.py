"""How a client proves who it is, and checks who answers: TLS, mutual TLS and bearer tokens.

A token is never written to a log, a `repr` or an error, and leaves this machine only inside TLS
unless the caller asks otherwise.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeAlias

    Options: TypeAlias = Sequence[tuple[str, str | int]]
    Metadata: TypeAlias = tuple[tuple[str, str], ...]

AUTHORIZATION = "authorization"
_LOCAL = re.compile(
    r"^((dns|ipv4|ipv6):(///)?)?(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$|^unix(-abstract)?:"
)
_TOKEN = re.compile(r"^[\x21-\x7e]+$")


class SecurityError(ValueError):
    """A file of TLS or of a token cannot be used; the sentence says which and what to do."""


@dataclass(frozen=True, slots=True)
class Tls:
    """How the connection is encrypted. Files are PEM, read when the client is made.

    Attributes:
        ca: authorities that may have signed the server's certificate; None is the system's.
        certificate: this client's own chain, for servers that ask for one.
        private_key: of that certificate.
        server_name: the name to find in the server's certificate, when it is not the target's.
    """

    ca: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    server_name: str | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files.

        Raises:
            SecurityError: one cannot be read, or certificate and key do not come together.
        """
        if (self.certificate is None) != (self.private_key is None):
            raise SecurityError("a client certificate and its private key come together; give both")
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.ca),
            private_key=_read(self.private_key),
            certificate_chain=_read(self.certificate),
        )

    def options(self) -> Options:
        """Return the channel options that belong to it."""
        name = self.server_name
        return [] if name is None else [("grpc.ssl_target_name_override", name)]


class TokenFile:
    """The token in a file, read again when it changes, so that a rotation needs no restart."""

    def __init__(self, path: Path) -> None:
        """Read it for the first time.

        Raises:
            SecurityError: there is no usable token in it.
        """
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._token = ""
        self._read()

    def __call__(self) -> str:
        """Return the token; while the file cannot be used, the last one: it may still be good."""
        with contextlib.suppress(SecurityError):
            self._read()
        return self._token

    def _read(self) -> None:
        try:
            stat = self._path.stat()
            signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if signature == self._seen:
                return
            text = self._path.read_text(encoding="utf-8")
        except OSError as error:
            raise SecurityError(
                f"the token file {self._path} cannot be read: {error.strerror}"
            ) from None
        except UnicodeDecodeError:
            raise SecurityError(f"the token file {self._path} holds no text") from None
        self._token = checked_token(text, f"the token file {self._path}")
        self._seen = signature


@dataclass(frozen=True, slots=True)
class Security:
    """What a client needs for a guarded server; the default is neither TLS nor token.

    Attributes:
        tls: None speaks in clear.
        token: gives the bearer token for each call.
        token_in_clear: send the token without TLS beyond this machine (a mesh may do TLS for you).
    """

    tls: Tls | None = None
    token: Callable[[], str] | None = field(default=None, repr=False)
    token_in_clear: bool = False

    def check(self, target: str) -> None:
        """Refuse to send a token in clear over a network.

        Raises:
            SecurityError: it would be.
        """
        guarded = self.token is None or self.tls is not None or self.token_in_clear
        if not guarded and not _LOCAL.match(target):
            raise SecurityError(
                "without TLS the token could be read on its way; turn TLS on (--tls or --tls-ca), "
                "or allow it with --token-in-clear where a mesh encrypts the connection"
            )

    def metadata(self) -> Metadata | None:
        """Return the headers of one call."""
        if self.token is None:
            return None
        return ((AUTHORIZATION, f"Bearer {self.token()}"),)


PLAIN = Security()


def open_channel(target: str, options: Options, security: Security) -> grpc.Channel:
    """Open a channel.

    Raises:
        SecurityError: a file cannot be used, or the token would be sent in clear.
    """
    security.check(target)
    tls = security.tls
    if tls is None:
        return grpc.insecure_channel(target, options=options)
    return grpc.secure_channel(target, tls.credentials(), options=[*options, *tls.options()])


def open_aio_channel(target: str, options: Options, security: Security) -> grpc.aio.Channel:
    """Open a channel for asyncio; see `open_channel`."""
    security.check(target)
    tls = security.tls
    if tls is None:
        return grpc.aio.insecure_channel(target, options=options)
    return grpc.aio.secure_channel(target, tls.credentials(), options=[*options, *tls.options()])


def checked_token(text: str, where: str) -> str:
    """Strip a token and check that it can be a header.

    Raises:
        SecurityError: it is empty, or holds what a header cannot; names `where`, not the text.
    """
    token = text.strip()
    if not _TOKEN.match(token):
        what = "holds no token" if not token else "holds more than one token, or no ASCII text"
        raise SecurityError(f"{where} {what}; it must be the one that `token new` printed")
    return token


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise SecurityError(f"{path} cannot be read: {error.strerror}") from None
