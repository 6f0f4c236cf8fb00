"""Taking a changed tokens file: whole, or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ctr_service.errors import SettingsError
from ctr_service.server.tokens_file import read_tokens

if TYPE_CHECKING:
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from ctr_service.server.auth import TokenHolders


class TokenReload:
    """Reads the file again when it is called; a wrong file leaves the old tokens in force."""

    def __init__(self, path: Path, holders: TokenHolders, log: FilteringBoundLogger) -> None:
        self._path = path
        self._holders = holders
        self._log = log

    async def __call__(self) -> None:
        """Read in a thread, then change the tokens in one step."""
        try:
            book = await asyncio.to_thread(read_tokens, self._path)
        except SettingsError as error:
            self._log.error("tokens_not_reloaded", error=str(error), effect="the old ones hold")
            return
        self._holders.use(book)
        self._log.info("tokens_reloaded", callers=len(book.permits), tokens=len(book.owners))
