"""The embedded store's files: one SQLite file an entity, replaced as a whole by a rename.

FOLDER/item.sqlite    table entity(id, value), table meta(name, value) with `version`
FOLDER/user.sqlite
FOLDER/.item.sqlite.partial    a load under way; meta tells how far it is
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from ctr_service.bundle.files import PARTIAL_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ctr_service.bundle.features import Entity

IDS_A_QUERY = 500
"""SQLite's oldest bound on parameters is 999."""
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS entity (id TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)


def store_path(folder: Path, entity: Entity) -> Path:
    """Return the file of an entity."""
    return folder / f"{entity.value}.sqlite"


def partial_path(folder: Path, entity: Entity) -> Path:
    """Return the file of an entity's load under way."""
    return folder / f".{entity.value}.sqlite{PARTIAL_SUFFIX}"


class StoreFile:
    """A finished file, open for reading. Stays readable when another one takes its name."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            OSError: there is none.
            sqlite3.Error: it is no store.
        """
        self.identity = identity_of(path)
        # `immutable`: a finished file is never written, so SQLite need not look for locks.
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        try:
            self.version = read_meta(self._connection).get("version", "")
        except sqlite3.Error:
            self._connection.close()
            raise

    def read(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the values of the ids that are there.

        Raises:
            sqlite3.Error: the file is damaged.
        """
        found: dict[str, bytes] = {}
        for start in range(0, len(ids), IDS_A_QUERY):
            some = ids[start : start + IDS_A_QUERY]
            marks = ",".join("?" * len(some))
            query = f"SELECT id, value FROM entity WHERE id IN ({marks})"  # noqa: S608 -- holds question marks alone
            found.update(self._connection.execute(query, tuple(some)))
        return found

    def count(self) -> int:
        """Return the number of ids."""
        (count,) = self._connection.execute("SELECT count(*) FROM entity").fetchone()
        return int(count)

    def close(self) -> None:
        """Close it."""
        self._connection.close()


class StagingFile:
    """A load under way, which survives a kill with everything up to the last `add`."""

    def __init__(self, folder: Path, entity: Entity) -> None:
        """Open what an earlier run left, or begin.

        Raises:
            OSError, sqlite3.Error: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._path = partial_path(folder, entity)
        self._final = store_path(folder, entity)
        self._connection = self._open()

    @property
    def meta(self) -> Mapping[str, str]:
        """What the load is, and how far."""
        return read_meta(self._connection)

    def clear(self) -> None:
        """Forget what was loaded."""
        self._connection.close()
        self._path.unlink()
        self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)
        self._connection = self._open()

    def add(self, items: Sequence[tuple[str, bytes]], meta: Mapping[str, str]) -> None:
        """Keep values and what is said of them, both or neither."""
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO entity VALUES (?, ?)", items)
            self._connection.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", list(meta.items())
            )

    def publish(self) -> None:
        """Take the place of the store's file, whole."""
        self._connection.close()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
        self._path.replace(self._final)

    def close(self) -> None:
        """Leave the rest to another run."""
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path)
        with connection:
            for statement in _SCHEMA:
                connection.execute(statement)
        return connection


def identity_of(path: Path) -> tuple[int, int, int]:
    """Return what differs between two files of one name.

    Raises:
        OSError: there is none.
    """
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """Return what a file says of itself."""
    return dict(connection.execute("SELECT name, value FROM meta"))
