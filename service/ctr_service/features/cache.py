"""Entities in process: bounded by bytes, least recently used out first. Pure: times are given.

An entry has two ages. From `refresh_at_ns` on it is still served, and asked for again behind. From
`expires_at_ns` on it is served only if the store does not answer: an old title beats none. Both are
jittered, so that what was loaded together is not asked for together.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ctr_service.features.codec import encode
from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_service.bundle.features import Entity
    from ctr_service.features.store import StoredEntity

ENTRY_OVERHEAD_BYTES = 600
"""What one entry costs beside its encoded bytes: objects, a dictionary, two keys, a link."""


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How long entities stay.

    Attributes:
        max_bytes: of all entries.
        ttl_ns: of an entity, before jitter.
        negative_ttl_ns: of "there is no such id", before jitter.
        jitter: the share of a time to live that is random, in [0, 1).
        early: the share at the end of it in which an entry is refreshed behind, in [0, 1].
    """

    max_bytes: int = 64 * 1024 * 1024
    ttl_ns: int = 300 * NS_PER_S
    negative_ttl_ns: int = 10 * NS_PER_S
    jitter: float = 0.1
    early: float = 0.2


class Entry(NamedTuple):
    """One cached answer; `value` None says that there is no such id."""

    value: StoredEntity | None
    refresh_at_ns: int
    expires_at_ns: int
    size_bytes: int
    generation: int


class EntityCache:
    """The cache. Belongs to one event loop."""

    def __init__(self, policy: CachePolicy, random: Callable[[], float]) -> None:
        """Take the policy and a source of numbers in [0, 1)."""
        self._policy = policy
        self._random = random
        self._entries: OrderedDict[tuple[Entity, str], Entry] = OrderedDict()
        self._generation = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, entity: Entity, id_: str) -> Entry | None:
        """Return an entry of any age, and count it as used."""
        key = (entity, id_)
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def is_due(self, entry: Entry, now_ns: int) -> bool:
        """Say whether an entry should be asked for again, behind."""
        return now_ns >= entry.refresh_at_ns or entry.generation != self._generation

    def put(self, entity: Entity, id_: str, value: StoredEntity | None, now_ns: int) -> None:
        """Keep an answer; drop the least recently used ones beyond the bound."""
        policy = self._policy
        ttl_ns = policy.negative_ttl_ns if value is None else policy.ttl_ns
        ttl_ns = round(ttl_ns * (1 - policy.jitter * self._random()))
        size = ENTRY_OVERHEAD_BYTES + len(id_) + (0 if value is None else len(encode(value)))
        key = (entity, id_)
        old = self._entries.pop(key, None)
        if old is not None:
            self.size_bytes -= old.size_bytes
        refresh_at_ns = now_ns + round(ttl_ns * (1 - policy.early))
        self._entries[key] = Entry(value, refresh_at_ns, now_ns + ttl_ns, size, self._generation)
        self.size_bytes += size
        while self.size_bytes > policy.max_bytes:
            self.size_bytes -= self._entries.popitem(last=False)[1].size_bytes

    def new_data(self) -> None:
        """The store holds another version: everything cached is due, and still served."""
        self._generation += 1
