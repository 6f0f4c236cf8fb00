"""The garbage collector of a process that has started and will serve for days."""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 50_000
"""The default of 700 makes a collection several times a request; this one a few times a second."""
MIDDLE_ROUNDS = 20
OLD_ROUNDS = 20


def settle_heap() -> None:
    """Take what the start made out of the collector's sight, and let it look less often.

    Modules, tokenizer and engine live as long as the process, yet every full collection walks all
    of them and stops the event loop meanwhile. Frozen, they cost nothing; and requests leave few
    cycles behind, so rare rounds are enough.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, MIDDLE_ROUNDS, OLD_ROUNDS)
