"""One SQLite file, opened for one process that serves, or beside it for a command."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from typing import TYPE_CHECKING

from ctr_monitor.errors import StoreError
from ctr_monitor.store.schema import STEPS, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_S = 5.0
"""How long a command waits for the server's transaction, and the other way round."""


class Database:
    """A connection, its schema brought up to date. Use it from one thread at a time."""

    def __init__(self, path: Path, *, serving: bool = False) -> None:
        """Open the file; make it when `serving`.

        Args:
            path: the file; SQLite keeps two more beside it (-wal, -shm).
            serving: also take the lock that keeps a second server off the file.

        Raises:
            StoreError: not there, no store, a newer release's, or another server has it.
        """
        self.path = path
        self._lock = _locked(path) if serving else None
        try:
            self._connection = self._open(path, create=serving)
        except BaseException:
            self._unlock()
            raise

    def _open(self, path: Path, *, create: bool) -> sqlite3.Connection:
        if not create and not path.is_file():
            raise StoreError(f"{path} is not there; `ctr-monitor serve --store {path}` makes it")
        connection = None
        try:
            connection = sqlite3.connect(
                path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            # A webhook is answered only when its incident would survive a power cut.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, path)
        except (sqlite3.Error, StoreError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{path} cannot be used as a store: {error}") from None
        return connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: committed at the end of the block, rolled back by an exception."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def read(self, sql: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        return self._connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        """Close the file and give the lock back."""
        self._connection.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(path: Path) -> int:
    """Return a descriptor that holds the lock; the kernel gives it back even after kill -9."""
    lock = path.with_name(path.name + ".lock")
    if not path.parent.is_dir():
        # Made here, a mistyped path or a volume that is not mounted would look like a new store.
        raise StoreError(
            f"the folder {path.parent} is not there, so no store is made in it: make it with "
            f"`mkdir -p {path.parent}`, mount its volume, or correct --store"
        )
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{lock} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreError(
            f"another ctr-monitor serves {path}; stop it, or use another file"
        ) from None
    return descriptor


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Take the steps that the file lacks, each in a transaction of its own."""
    known = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if known > VERSION:
        raise StoreError(
            f"{path} was written by a newer release (schema {known}, this one knows {VERSION}); "
            "use that release, or another file"
        )
    for number, step in enumerate(STEPS[known:], known + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;")
