"""The options by which every command connects: target, TLS, token."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ctr_client.commands.common import target_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_client.client import PredictionClient
    from ctr_client.security import Security

_CommandT = TypeVar("_CommandT", bound="Callable[..., Any]")
_FILE = click.Path(path_type=Path, dir_okay=False)

_SECURITY_OPTIONS = (
    click.option("--tls", is_flag=True, help="Encrypt, and trust the system's authorities."),
    click.option("--tls-ca", type=_FILE, help="Encrypt, and trust the authorities in this file."),
    click.option("--tls-certificate", type=_FILE, help="Own certificate, for mutual TLS."),
    click.option("--tls-private-key", type=_FILE, help="Private key of the own certificate."),
    click.option(
        "--tls-server-name", help="Name in the server's certificate, if not the target's."
    ),
    click.option("--token-file", type=_FILE, help="File that holds the bearer token."),
    click.option("--token-env", metavar="NAME", help="Environment variable that holds the token."),
    click.option(
        "--token-in-clear",
        is_flag=True,
        help="Send the token without TLS to another machine (where a mesh encrypts).",
    ),
)


@dataclass(frozen=True, slots=True)
class Connection:
    """What the options said."""

    target: str
    tls: bool
    tls_ca: Path | None
    tls_certificate: Path | None
    tls_private_key: Path | None
    tls_server_name: str | None
    token_file: Path | None
    token_env: str | None
    token_in_clear: bool

    def open(self) -> PredictionClient:
        """Make the client.

        Raises:
            click.ClickException: a file or variable cannot be used.
        """
        from ctr_client.client import PredictionClient  # noqa: PLC0415 -- loads gRPC
        from ctr_client.security import SecurityError  # noqa: PLC0415 -- the same

        try:
            return PredictionClient(self.target, security=self.security())
        except SecurityError as error:
            raise click.ClickException(f"{error}.") from None

    def security(self) -> Security:
        """Return TLS and token.

        Raises:
            SecurityError: a file or variable cannot be used.
            click.UsageError: two tokens are named.
        """
        from ctr_client.security import Security, Tls  # noqa: PLC0415 -- loads gRPC

        files = (self.tls_ca, self.tls_certificate, self.tls_private_key, self.tls_server_name)
        tls = Tls(*files) if self.tls or any(files) else None
        return Security(tls, self._token(), self.token_in_clear)

    def _token(self) -> Callable[[], str] | None:
        from ctr_client.security import TokenFile, checked_token  # noqa: PLC0415 -- loads gRPC

        if self.token_file is not None and self.token_env is not None:
            raise click.UsageError("--token-file and --token-env are two tokens; give one")
        if self.token_file is not None:
            return TokenFile(self.token_file)
        if self.token_env is None:
            return None
        name = self.token_env
        token = checked_token(os.environ.get(name, ""), f"the variable {name}")
        return lambda: token


def connection_options(command: _CommandT) -> _CommandT:
    """Give a command the options, and pass them to it as one argument `connection`."""
    return _given(command, (target_option, *_SECURITY_OPTIONS), "connection", Connection)


def connect_options(command: _CommandT) -> _CommandT:
    """Give a command of several targets the options, and pass them to it as `connect`.

    That is a function: target -> `Connection`.
    """
    return _given(
        command,
        _SECURITY_OPTIONS,
        "connect",
        lambda **security: lambda target: Connection(target=target, **security),
    )


def _given(
    command: _CommandT,
    options: tuple[Callable[[Any], Any], ...],
    argument: str,
    build: Callable[..., object],
) -> _CommandT:
    @functools.wraps(command)
    def with_argument(**given: Any) -> Any:  # noqa: ANN401 -- click passes anything
        names = [name for name in Connection.__dataclass_fields__ if name in given]
        picked = {name: given.pop(name) for name in names}
        return command(**{argument: build(**picked)}, **given)

    wrapped: Any = with_argument
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]  # -- click's decorators keep the type
