"""Token ids by text in process, bounded by bytes."""

from __future__ import annotations

from ctr_service.generations import Generations

ENTRY_OVERHEAD_BYTES = 200
"""What one cached text costs beside its characters and ids: two objects and a dict's entry."""


class TokenCache(Generations[str, bytes]):
    """Ids are kept as the bytes of int32."""

    def __init__(self, max_bytes: int) -> None:
        """Start empty; `max_bytes` 0 keeps nothing."""
        super().__init__(max_bytes, _cost_bytes)


def _cost_bytes(text: str, ids: bytes) -> int:
    return 4 * len(text) + len(ids) + ENTRY_OVERHEAD_BYTES
