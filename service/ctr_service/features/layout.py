"""Where entities lie in Redis: behind a version, and a pointer that says which version counts.

    <namespace>:features:item:current          the version
    <namespace>:features:item:loading          a load under way: its version, rows done, old version
    <namespace>:features:item:<version>:<id>   an encoded entity

Each value in an envelope that repeats its key (`remote.envelope`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_service.bundle.features import Entity

LAYER = "features"


def pointer_key(entity: Entity) -> bytes:
    """Return the key of the version that counts."""
    return f"{entity.value}:current".encode()


def progress_key(entity: Entity) -> bytes:
    """Return the key of a load under way."""
    return f"{entity.value}:loading".encode()


def version_prefix(entity: Entity, version: str) -> bytes:
    """Return what the keys of a version begin with."""
    return f"{entity.value}:{version}:".encode()


def entity_key(entity: Entity, version: str, id_: str) -> bytes:
    """Return the key of an entity."""
    return version_prefix(entity, version) + id_.encode()
