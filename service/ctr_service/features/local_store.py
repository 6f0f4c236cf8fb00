"""The embedded store: SQLite files in a folder, read by one thread, a new version at once."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ctr_service.features.codec import CodecError, decode
from ctr_service.features.local_files import StoreFile, identity_of, store_path
from ctr_service.features.store import Fetched
from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctr_service.bundle.features import Entity
    from ctr_service.clock import Clock
    from ctr_service.features.store import StoredEntity

MAX_WAITING = 256
"""Lookups that may wait for the thread; one takes about 0.2 ms, so later ones are late anyway."""


class LocalStore:
    """A folder of files. Implements FeatureStore; a file that is not there holds no ids."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._files: dict[Entity, StoreFile] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="features")
        self._waiting = 0

    async def fetch(self, entity: Entity, ids: Sequence[str], *, deadline_ns: int) -> Fetched:
        """Look the ids up in the thread; a lookup that is late ends by itself."""
        nothing = Fetched({}, tuple(ids))
        left_s = (deadline_ns - self._clock.now_ns()) / NS_PER_S
        if left_s <= 0 or self._waiting >= MAX_WAITING:
            return nothing
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            lookup = loop.run_in_executor(self._thread, self._look_up, entity, tuple(ids))
        except RuntimeError:  # closed
            self._waiting -= 1
            return nothing
        lookup.add_done_callback(self._ended)
        await asyncio.wait({lookup}, timeout=left_s)
        return lookup.result() if lookup.done() else nothing

    async def close(self) -> None:
        """Wait for the thread and close the files."""
        await asyncio.to_thread(self._thread.shutdown)
        while self._files:
            self._files.popitem()[1].close()

    def _ended(self, _: asyncio.Future[Fetched]) -> None:
        self._waiting -= 1

    def _look_up(self, entity: Entity, ids: tuple[str, ...]) -> Fetched:
        """Runs in the thread, which alone touches the files."""
        try:
            file = self._file(entity)
            raw = {} if file is None else file.read(ids)
        except (OSError, sqlite3.Error):
            self._drop(entity)
            return Fetched({}, ids)
        found: dict[str, StoredEntity | None] = {}
        damaged: list[str] = []
        for id_ in ids:
            value = raw.get(id_)
            try:
                found[id_] = None if value is None else decode(value)
            except CodecError:
                damaged.append(id_)
        return Fetched(found, tuple(damaged), "" if file is None else file.version)

    def _file(self, entity: Entity) -> StoreFile | None:
        path = store_path(self._folder, entity)
        file = self._files.get(entity)
        try:
            identity = identity_of(path)
        except FileNotFoundError:
            self._drop(entity)
            return None
        if file is None or file.identity != identity:
            self._drop(entity)
            file = self._files[entity] = StoreFile(path)
        return file

    def _drop(self, entity: Entity) -> None:
        file = self._files.pop(entity, None)
        if file is not None:
            file.close()
