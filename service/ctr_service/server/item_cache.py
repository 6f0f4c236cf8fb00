"""Decoded candidates by their bytes on the wire, for traffic in which items come again."""

from __future__ import annotations

from ctr_service.generations import Generations
from ctr_service.types import Candidate

BYTES_A_BYTE = 4
"""What a kept item takes for each of its bytes: the key, its texts, and their rendered form."""
TRIED_REQUESTS = 16
LOOKS_A_VERDICT = 4_096
HELPFUL_SHARE = 0.4
"""Of candidates found, from which the cache saves more than it costs."""
ENTRY_OVERHEAD_BYTES, FEATURE_BYTES = 450, 100
"""What it takes beside: a dict's entry and a handful of objects, and each feature's own."""


class ItemCache(Generations[bytes, Candidate]):
    """Candidates by their bytes on the wire.

    To look an item up and keep it costs a third of what decoding it does, and traffic of which
    little comes again must not pay for that: then only every sixteenth request is looked up.
    """

    def __init__(self, max_bytes: int) -> None:
        """Start empty; `max_bytes` 0 keeps nothing."""
        super().__init__(max_bytes, _cost_bytes)
        self._full = False
        self._helps = True
        self._requests = 0
        self._counted = (0, 0)

    def is_asked(self) -> bool:
        """Say whether the next request should be looked up here."""
        self._requests += 1
        return self._helps or self._requests % TRIED_REQUESTS == 0

    def learn(self) -> None:
        """Look at what the last requests found, now and then; called after each that was asked."""
        hits, misses = self.hits - self._counted[0], self.misses - self._counted[1]
        if self._full and hits + misses >= LOOKS_A_VERDICT:
            self._counted = (self.hits, self.misses)
            self._helps = hits >= HELPFUL_SHARE * (hits + misses)

    def _age(self) -> None:
        self._full = True  # from now on what is asked for could have been here
        super()._age()


def _cost_bytes(raw: bytes, candidate: Candidate) -> int:
    return BYTES_A_BYTE * len(raw) + ENTRY_OVERHEAD_BYTES + FEATURE_BYTES * len(candidate.features)
