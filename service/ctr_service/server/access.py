"""Who may connect and call, as the settings say: TLS, callers, and what follows their files."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.server.auth import Everyone, TokenHolders
from ctr_service.server.file_watch import FileWatch
from ctr_service.server.tls import TlsFiles, read_configuration, server_credentials
from ctr_service.server.token_reload import TokenReload
from ctr_service.server.tokens_file import read_tokens

if TYPE_CHECKING:
    import grpc
    from structlog.typing import FilteringBoundLogger

    from ctr_service.clock import Clock
    from ctr_service.server.auth import IdentifiesCallers
    from ctr_service.server.file_watch import Sleep
    from ctr_service.settings import Settings


@dataclass(frozen=True, slots=True)
class Access:
    """How the server lets callers in.

    Attributes:
        credentials: of TLS; None speaks in clear.
        callers: who calls.
        background: follows the tokens file for the length of the context.
    """

    credentials: grpc.ServerCredentials | None
    callers: IdentifiesCallers
    background: contextlib.AbstractAsyncContextManager[object]


def check_access(settings: Settings) -> None:
    """Read the files that the settings name, and keep nothing.

    Raises:
        SettingsError: one of them is missing or wrong.
    """
    files = _tls_files(settings)
    if files is not None:
        read_configuration(files)
    if settings.tokens_file is not None:
        read_tokens(settings.tokens_file)


def open_access(
    settings: Settings, clock: Clock, sleep: Sleep, log: FilteringBoundLogger
) -> Access:
    """Read the files that the settings name.

    Raises:
        SettingsError: one of them is missing or wrong.
    """
    files = _tls_files(settings)
    credentials = None if files is None else server_credentials(files, log)
    path = settings.tokens_file
    if path is None:
        return Access(credentials, Everyone(clock), contextlib.nullcontext())
    if credentials is None:
        log.warning(
            "tokens_in_clear",
            effect="without TLS whoever reads the network reads tokens; set --tls-certificate, or "
            "let a sidecar do TLS and listen on loopback",
        )
    holders: TokenHolders | None = None

    async def reload() -> None:
        if holders is not None:
            await TokenReload(path, holders, log)()

    watch = FileWatch(path, reload, sleep)  # looks before the first read, so misses no change
    holders = TokenHolders(read_tokens(path), clock)
    return Access(credentials, holders, watch)


def _tls_files(settings: Settings) -> TlsFiles | None:
    certificate, private_key = settings.tls_certificate, settings.tls_private_key
    if certificate is None or private_key is None:
        return None
    return TlsFiles(certificate, private_key, settings.tls_client_ca)
