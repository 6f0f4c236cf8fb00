"""Token ids by text in process, bounded by bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ENTRY_OVERHEAD_BYTES = 200
"""What one cached text costs beside its characters and ids: two objects and a dict's entry."""


class TokenCache:
    """Two generations of texts. Ids are kept as the bytes of int32. Belongs to one event loop.

    What is put or read is young. When the young fill half of the bound they become the old, and
    those old ones that nobody read since are forgotten. So reading a young text is one look into
    one dict. An exact order of use relinks three neighbours at every read, each of them somewhere
    else in memory: with 16,000 texts that was two thirds of what a warm list cost here.
    """

    def __init__(self, max_bytes: int) -> None:
        self._young: dict[str, bytes] = {}
        self._old: dict[str, bytes] = {}
        self._max_generation_bytes = max_bytes // 2
        self._young_bytes = 0
        self._old_bytes = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    @property
    def size_bytes(self) -> int:
        """What both generations take."""
        return self._young_bytes + self._old_bytes

    def get_young(self, texts: Sequence[str]) -> list[bytes]:
        """Return the ids of each text, if all are young.

        Raises:
            KeyError: one is not; `get_many` may know it.
        """
        found = list(map(self._young.__getitem__, texts))
        self.hits += len(found)
        return found

    def get_many(self, texts: Iterable[str]) -> tuple[dict[str, bytes], list[str]]:
        """Return the ids of those texts that are known, and the others, each once."""
        found: dict[str, bytes] = {}
        missing: list[str] = []
        for text in dict.fromkeys(texts):
            ids = self._young.get(text)
            if ids is None:
                ids = self._renew(text)
            if ids is None:
                missing.append(text)
            else:
                found[text] = ids
        self.hits += len(found)
        self.misses += len(missing)
        return found, missing

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """Return the texts that are not here; neither counted nor renewed."""
        return [text for text in texts if text not in self._young and text not in self._old]

    def peek(self, texts: Iterable[str]) -> dict[str, bytes]:
        """Return the ids of those texts that are known; neither counted nor renewed."""
        both = (self._young, self._old)
        return {text: known[text] for text in texts for known in both if text in known}

    def put(self, text: str, ids: bytes) -> None:
        """Keep the ids of a text; one larger than half the bound is not kept."""
        if text not in self._young and text not in self._old:
            self._add(text, ids)

    def _renew(self, text: str) -> bytes | None:
        ids = self._old.pop(text, None)
        if ids is not None:
            self._old_bytes -= _cost_bytes(text, ids)
            self._add(text, ids)
        return ids

    def _add(self, text: str, ids: bytes) -> None:
        cost_bytes = _cost_bytes(text, ids)
        if cost_bytes > self._max_generation_bytes:
            return
        if self._young_bytes + cost_bytes > self._max_generation_bytes:
            self._old, self._old_bytes = self._young, self._young_bytes
            self._young, self._young_bytes = {}, 0
        self._young[text] = ids
        self._young_bytes += cost_bytes


def _cost_bytes(text: str, ids: bytes) -> int:
    return 4 * len(text) + len(ids) + ENTRY_OVERHEAD_BYTES
