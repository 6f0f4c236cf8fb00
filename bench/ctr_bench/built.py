"""A drawn workload as bytes, with what a run's file says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.job import OPEN_INFERENCE, Payloads
from ctr_bench.workload_text import draw_priorities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ctr_bench.job import Protocol
    from ctr_bench.schedule import Times
    from ctr_bench.searches import Lengths, Search
    from ctr_bench.sources import Drawn


@dataclass(frozen=True, slots=True)
class Wire:
    """How searches become messages.

    Attributes:
        model: messages name it, so that another model refuses them; empty is whichever serves.
        priorities: shares by ctr.v1's number; empty leaves it open. A log's own come first.
        counted: `lengths` are a model's own, not estimates.
    """

    protocol: Protocol
    model: str = ""
    priorities: Mapping[int, float] | None = None
    counted: bool = False


def build(
    drawn: Drawn, wire: Wire, lengths: Lengths, schedule_ns: Times, seed: int
) -> tuple[Payloads, Mapping[str, object]]:
    """Serialise the searches; return them, and facts about them."""
    searches = list(drawn.searches)
    if wire.priorities:
        rng = np.random.default_rng(seed)
        wanted = draw_priorities(wire.priorities, len(searches), rng)
        searches = [
            search if search.priority else replace(search, priority=priority)
            for search, priority in zip(searches, wanted, strict=True)
        ]
    serialise = _serialiser(wire)
    tokens = [sum(lengths.row_tokens(search)) for search in searches]
    sizes = np.array([len(search.items) for search in searches], dtype=np.int32)
    payloads = Payloads(
        [serialise(search) for search in searches],
        sizes,
        schedule_ns,
        drawn.order,
        np.array(tokens, dtype=np.int32),
        np.array([search.priority for search in searches], dtype=np.uint8),
    )
    asked = sizes[drawn.order]
    facts = {
        "distinct": len(searches),
        "candidates_mean": float(asked.mean()),
        "request_bytes_mean": float(np.mean([len(m) for m in payloads.messages])),
        "tokens_are": "counted" if wire.counted else "estimated",
        "tokens_mean": float(np.asarray(tokens)[drawn.order].sum() / asked.sum()),
    }
    return payloads, facts


def _serialiser(wire: Wire) -> Callable[[Search], bytes]:
    if wire.protocol == OPEN_INFERENCE:
        # Only this protocol needs tritonclient's messages.
        from ctr_bench.open_inference import serialise_infer  # noqa: PLC0415 -- see above

        return lambda search: serialise_infer(search, model=wire.model)
    return lambda search: search.serialise(model=wire.model)
