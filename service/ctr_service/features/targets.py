"""Where a load goes: a file or Redis. Both survive a kill, and show nothing before the end."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import TYPE_CHECKING, Protocol

from ctr_service.errors import SettingsError
from ctr_service.features.layout import (
    LAYER,
    entity_key,
    pointer_key,
    progress_key,
    version_prefix,
)
from ctr_service.features.local_files import StagingFile, StoreFile, store_path
from ctr_service.remote.base import UNANSWERED
from ctr_service.remote.envelope import unwrap, wrap
from ctr_service.remote.link import LinkError, Put

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from ctr_service.bundle.features import Entity
    from ctr_service.remote.base import Read
    from ctr_service.remote.link import RemoteLink

EXCHANGE_S = 10.0
SETTLE_S = 1.0
"""Between the switch and the removal of the old version: a read that began before it has ended."""


class LoadTarget(Protocol):
    """A place for one entity's table."""

    async def begin(self, version: str) -> int | None:
        """Prepare to load a version.

        Returns:
            Rows that an earlier run loaded already; None when the version is in use.

        Raises:
            SettingsError: the place cannot be written.
        """
        ...

    async def add(self, items: Sequence[tuple[str, bytes]], rows_done: int) -> None:
        """Keep encoded entities; after a kill `begin` says at least `rows_done`.

        Raises:
            SettingsError: the place cannot be written.
        """
        ...

    async def publish(self) -> None:
        """Put the version in use, at once and whole.

        Raises:
            SettingsError: the place cannot be written.
        """
        ...


class LocalTarget:
    """A file in the embedded store's folder. Blocks: for commands."""

    def __init__(self, folder: Path, entity: Entity) -> None:
        self._folder = folder
        self._entity = entity
        self._version = ""
        self._staging: StagingFile | None = None

    async def begin(self, version: str) -> int | None:
        """Open the staging file; what another version left in it goes."""
        self._version = version
        if self._in_use() == version:
            return None
        try:
            staging = self._staging = StagingFile(self._folder, self._entity)
            try:
                meta = staging.meta
            except sqlite3.Error:
                meta = {}
            if meta.get("version") != version:
                staging.clear()
                return 0
            return int(meta["rows"])
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"{self._folder} cannot be written: {error}") from None

    async def add(self, items: Sequence[tuple[str, bytes]], rows_done: int) -> None:
        """Keep them in one transaction with the progress."""
        try:
            self._open.add(items, {"version": self._version, "rows": str(rows_done)})
        except sqlite3.Error as error:
            raise SettingsError(f"{self._folder} cannot be written: {error}") from None

    async def publish(self) -> None:
        """Rename the file into its place."""
        self._open.publish()

    def close(self) -> None:
        """Leave the rest to another run."""
        if self._staging is not None:
            self._staging.close()

    @property
    def _open(self) -> StagingFile:
        if self._staging is None:
            raise RuntimeError("add and publish come after begin")
        return self._staging

    def _in_use(self) -> str:
        try:
            file = StoreFile(store_path(self._folder, self._entity))
        except (OSError, sqlite3.Error):
            return ""
        file.close()
        return file.version


class RedisTarget:
    """A version in Redis, laid out as `features.layout` says."""

    def __init__(
        self,
        link: RemoteLink,
        namespace: str,
        entity: Entity,
        *,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Take the link, which its maker closes."""
        self._link = link
        self._prefix = f"{namespace}:{LAYER}:".encode()
        self._entity = entity
        self._sleep = sleep
        self._version = ""
        self._old = ""
        self._rows = 0

    async def begin(self, version: str) -> int | None:
        """Read pointer and progress; what another load left goes."""
        self._version = version
        pointer, progress = await self._read(pointer_key(self._entity), progress_key(self._entity))
        self._old = (pointer or b"").decode()
        load = json.loads(progress) if progress else {}
        left = str(load.get("old" if load.get("version") == self._old else "version", ""))
        if load and load["version"] == version != self._old:
            return int(load["rows"])
        if left not in ("", self._old, version):
            await self._delete(left)
        if version == self._old:
            return None
        # Begun before and not noted, or flushed half-way: it is overwritten from the first row on.
        await self._note(0)
        return 0

    async def add(self, items: Sequence[tuple[str, bytes]], rows_done: int) -> None:
        """Write them in a pipeline, then the progress."""
        version = self._version
        await self._write([(entity_key(self._entity, version, id_), raw) for id_, raw in items])
        await self._note(rows_done)

    async def publish(self) -> None:
        """Switch the pointer, and remove the old version when nobody reads it any more."""
        await self._write([(pointer_key(self._entity), self._version.encode())])
        if self._old and self._old != self._version:
            await self._sleep(SETTLE_S)
            await self._delete(self._old)
        self._old = ""
        await self._note(self._rows)

    async def _note(self, rows: int) -> None:
        self._rows = rows
        load = {"version": self._version, "rows": rows, "old": self._old}
        await self._write([(progress_key(self._entity), json.dumps(load).encode())])

    async def _read(self, *keys: bytes) -> list[bytes | None]:
        whole = [self._prefix + key for key in keys]
        into: list[Read] = [UNANSWERED] * len(whole)
        try:
            async with asyncio.timeout(EXCHANGE_S):
                await self._link.read(whole, into)
        except (LinkError, TimeoutError) as error:
            raise _failed("read", error) from None
        return [
            unwrap(key, value) if isinstance(value, bytes) else None
            for key, value in zip(whole, into, strict=True)
        ]

    async def _write(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        puts = [
            Put(whole, wrap(whole, value), None)
            for whole, value in ((self._prefix + key, value) for key, value in items)
        ]
        try:
            async with asyncio.timeout(EXCHANGE_S):
                await self._link.write(puts)
        except (LinkError, TimeoutError) as error:
            raise _failed("write", error) from None

    async def _delete(self, version: str) -> None:
        try:
            await self._link.delete_prefix(self._prefix + version_prefix(self._entity, version))
        except LinkError as error:
            raise _failed("remove an old version from", error) from None


def _failed(what: str, error: LinkError | TimeoutError) -> SettingsError:
    why = error.kind.value if isinstance(error, LinkError) else "timeout"
    return SettingsError(
        f"could not {what} Redis ({why}); nothing that serves has changed, and the same command "
        "goes on where it stopped"
    )
