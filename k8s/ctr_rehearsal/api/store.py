"""All objects, in memory: versions, optimistic locking, and a log of changes for watches.

Belongs to one event loop; nothing here waits but `Store.changed`.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import time
import uuid
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_rehearsal.errors import ApiError, not_found
from ctr_rehearsal.objects import name_of, namespace_of, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ctr_rehearsal.api.kinds import Kind
    from ctr_rehearsal.objects import Object

KEPT_CHANGES = 20_000
"""A watch from before these is answered 410 Gone, as etcd does after a compaction."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the log: ADDED, MODIFIED or DELETED, with the object after it."""

    version: int
    kind: Kind
    verb: str
    thing: Object


class Store:
    """Objects by kind, namespace and name. What it hands out is a copy."""

    def __init__(self, wall_s: Callable[[], float] = time.time) -> None:
        self._objects: dict[tuple[Kind, str, str], Object] = {}
        self._versions = itertools.count(1)
        self._changes: deque[Change] = deque(maxlen=KEPT_CHANGES)
        self._wall_s = wall_s
        self._changed = asyncio.Event()
        self.version = 0

    @property
    def now(self) -> str:
        """The time as objects hold it."""
        return timestamp(self._wall_s())

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return an object.

        Raises:
            ApiError: 404.
        """
        found = self._objects.get((kind, namespace, name))
        if found is None:
            raise not_found(kind.qualified, name)
        return copy.deepcopy(found)

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return an object, None where there is none."""
        found = self._objects.get((kind, namespace, name))
        return None if found is None else copy.deepcopy(found)

    def list(self, kind: Kind, namespace: str = "") -> list[Object]:
        """Return the objects of a kind, by namespace and name; an empty namespace is all."""
        keys = [k for k in self._objects if k[0] is kind and namespace in ("", k[1])]
        return [copy.deepcopy(self._objects[key]) for key in sorted(keys, key=lambda k: k[1:])]

    def create(self, kind: Kind, thing: Object) -> Object:
        """Add an object and return it as kept.

        Raises:
            ApiError: 409, it is there already.
        """
        thing = copy.deepcopy(thing)
        metadata = thing["metadata"]
        key = (kind, namespace_of(thing), name_of(thing))
        if key in self._objects:
            raise ApiError(409, "AlreadyExists", f'{kind.qualified} "{key[2]}" already exists')
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = self.now
        metadata["generation"] = 1
        return self._keep(key, "ADDED", thing)

    def replace(self, kind: Kind, thing: Object) -> Object:
        """Exchange an object; a changed spec is a new generation. Return it as kept.

        Raises:
            ApiError: 404; or 409, it was changed since the version that `thing` brings.
        """
        thing = copy.deepcopy(thing)
        metadata = thing["metadata"]
        key = (kind, namespace_of(thing), name_of(thing))
        old = self._objects.get(key)
        if old is None:
            raise not_found(kind.qualified, key[2])
        seen = metadata.get("resourceVersion")
        if seen and seen != old["metadata"]["resourceVersion"]:
            raise ApiError(
                *(409, "Conflict"),
                f'Operation cannot be fulfilled on {kind.qualified} "{key[2]}": the object has '
                "been modified; please apply your changes to the latest version and try again",
            )
        for fixed in ("uid", "creationTimestamp"):
            metadata[fixed] = old["metadata"][fixed]
        metadata["generation"] = old["metadata"]["generation"]
        metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
        if thing == old:
            return copy.deepcopy(old)
        if thing.get("spec") != old.get("spec"):
            metadata["generation"] += 1
        return self._keep(key, "MODIFIED", thing)

    def set_status(self, kind: Kind, thing: Object, status: Object) -> Object:
        """Write an object's status alone, if the object is still there."""
        current = self.find(kind, namespace_of(thing), name_of(thing))
        if current is None or current["metadata"]["uid"] != thing["metadata"]["uid"]:
            return thing
        current["status"] = status
        return self.replace(kind, current)

    def remove(self, kind: Kind, namespace: str, name: str) -> Object:
        """Take an object out and return its last state.

        Raises:
            ApiError: 404.
        """
        key = (kind, namespace, name)
        if key not in self._objects:
            raise not_found(kind.qualified, name)
        thing = self._objects.pop(key)
        return self._log("DELETED", kind, copy.deepcopy(thing))

    def changes_since(self, version: int) -> Iterable[Change]:
        """Return what happened after a version.

        Raises:
            ApiError: 410, too long ago.
        """
        if self._changes and version + 1 < self._changes[0].version:
            raise ApiError(410, "Expired", f"too old resource version: {version}")
        return [change for change in self._changes if change.version > version]

    async def changed(self, version: int) -> None:
        """Return once there is a change after a version."""
        while self.version <= version:
            await self._changed.wait()

    def _keep(self, key: tuple[Kind, str, str], verb: str, thing: Object) -> Object:
        kind = key[0]
        thing["apiVersion"], thing["kind"] = kind.api_version, kind.kind
        self._objects[key] = thing
        return self._log(verb, kind, thing)

    def _log(self, verb: str, kind: Kind, thing: Object) -> Object:
        self.version = next(self._versions)
        thing["metadata"]["resourceVersion"] = str(self.version)
        self._changes.append(Change(self.version, kind, verb, copy.deepcopy(thing)))
        self._changed.set()
        self._changed = asyncio.Event()
        return copy.deepcopy(thing)
