"""A cache in process, bounded by bytes, of which two generations are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

K = TypeVar("K")
V = TypeVar("V")
FORGOTTEN_A_PUT = 4
"""Entries of a generation that is gone that are freed with each entry that comes in; more where the
bound asks for it."""


class Generations(Generic[K, V]):
    """What is put or read is young. Belongs to one event loop.

    When the young fill half of the bound they become the old, and those old ones that nobody read
    since are forgotten. So reading a young key is one look into one dict. An exact order of use
    relinks three neighbours at every read, each of them somewhere else in memory: with 16,000 texts
    that was two thirds of what a warm list cost here.

    A generation is forgotten a few entries at a time: freed at once, tens of thousands of them
    would hold the loop for milliseconds.
    """

    def __init__(self, max_bytes: int, cost_bytes: Callable[[K, V], int]) -> None:
        """Start empty.

        Args:
            max_bytes: most that both generations take; 0 keeps nothing.
            cost_bytes: of one entry.
        """
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._gone: dict[K, V] = {}
        self._cost_of = cost_bytes
        self._max_bytes = max_bytes
        self._max_generation_bytes = max_bytes // 2
        self._young_bytes = 0
        self._old_bytes = 0
        self._gone_bytes = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    @property
    def size_bytes(self) -> int:
        """What both generations take, and what is left of the one that is gone."""
        return self._young_bytes + self._old_bytes + self._gone_bytes

    def get_young(self, keys: Iterable[K]) -> list[V]:
        """Return the value of each key, if all are young.

        Raises:
            KeyError: one is not; `get_many` may know it.
        """
        found = list(map(self._young.__getitem__, keys))
        self.hits += len(found)
        return found

    def get_many(self, keys: Iterable[K]) -> tuple[dict[K, V], list[K]]:
        """Return the values of those keys that are known, and the other keys, each once."""
        found: dict[K, V] = {}
        missing: list[K] = []
        for key in dict.fromkeys(keys):
            value = self._young.get(key)
            if value is None:
                value = self._renew(key)
            if value is None:
                missing.append(key)
            else:
                found[key] = value
        self.hits += len(found)
        self.misses += len(missing)
        return found, missing

    def unknown(self, keys: Iterable[K]) -> list[K]:
        """Return the keys that are not here; neither counted nor renewed."""
        return [key for key in keys if key not in self._young and key not in self._old]

    def peek(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the values of those keys that are known; neither counted nor renewed."""
        both: Sequence[Mapping[K, V]] = (self._young, self._old)
        return {key: known[key] for key in keys for known in both if key in known}

    def put(self, key: K, value: V) -> None:
        """Keep a value, unless its key is known; one larger than half the bound is not kept."""
        if key not in self._young and key not in self._old:
            self._add(key, value)

    def _add(self, key: K, value: V) -> None:
        cost_bytes = self._cost_of(key, value)
        if cost_bytes > self._max_generation_bytes:
            return
        if self._young_bytes + cost_bytes > self._max_generation_bytes:
            self._age()
        self._young[key] = value
        self._young_bytes += cost_bytes
        freed = 0
        while self._gone and (freed < FORGOTTEN_A_PUT or self.size_bytes > self._max_bytes):
            self._gone_bytes -= self._cost_of(*self._gone.popitem())
            freed += 1

    def _renew(self, key: K) -> V | None:
        value = self._old.pop(key, None)
        if value is not None:
            self._old_bytes -= self._cost_of(key, value)
            self._add(key, value)
        return value

    def _age(self) -> None:
        """Make the young the old ones."""
        self._gone, self._gone_bytes = self._old, self._old_bytes
        self._old, self._old_bytes = self._young, self._young_bytes
        self._young, self._young_bytes = {}, 0
