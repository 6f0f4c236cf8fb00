"""Entities in Redis, read together with the pointer that says which version counts.

The pointer is the last key of each read and so is read last: as long as it names the version that
was asked for, none of its entities had been removed when they were read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.features.codec import CodecError, decode
from ctr_service.features.layout import entity_key, pointer_key
from ctr_service.features.store import Fetched
from ctr_service.remote.base import UNANSWERED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.bundle.features import Entity
    from ctr_service.features.store import StoredEntity
    from ctr_service.remote.base import Read, RemoteReader

ATTEMPTS = 3
"""A first look for the version, the version, and once more when it changed meanwhile."""


class RedisStore:
    """A versioned set of entities. Implements FeatureStore."""

    def __init__(self, reader: RemoteReader) -> None:
        """Take the reader of the layer `features`; who made its hub closes it."""
        self._reader = reader
        self._versions: dict[Entity, str] = {}

    async def fetch(self, entity: Entity, ids: Sequence[str], *, deadline_ns: int) -> Fetched:
        """Read the ids; without a pointer nothing is known of any of them."""
        for _ in range(ATTEMPTS):
            asked = self._versions.get(entity)
            keys = [] if asked is None else [entity_key(entity, asked, id_) for id_ in ids]
            *values, pointer = await self._reader.read(
                [*keys, pointer_key(entity)], deadline_ns=deadline_ns
            )
            if not isinstance(pointer, bytes):
                # Never loaded, flushed, or no answer: "no such id" cannot be said.
                break
            version = pointer.decode("utf-8", "replace")
            if version == asked:
                return _fetched(ids, values, version)
            self._versions[entity] = version
        return Fetched({}, tuple(ids))

    async def close(self) -> None:
        """Nothing: the hub is not ours."""


def _fetched(ids: Sequence[str], values: Sequence[Read], version: str) -> Fetched:
    found: dict[str, StoredEntity | None] = {}
    unanswered: list[str] = []
    for id_, value in zip(ids, values, strict=True):
        if value is UNANSWERED:
            unanswered.append(id_)
            continue
        try:
            found[id_] = None if value is None else decode(value)
        except CodecError:
            unanswered.append(id_)
    return Fetched(found, tuple(unanswered), version)
