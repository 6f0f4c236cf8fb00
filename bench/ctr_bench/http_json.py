"""Searches and answers as JSON over HTTP, for peers that speak nothing else.

Request: {"query", "user", "context", "candidates": [{"title", "features"}]}; answer: {"scores"}.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from ctr_bench.answers import Answer, Counts

if TYPE_CHECKING:
    from ctr_bench.searches import Search


def serialise_json(search: Search) -> bytes:
    """Return the bytes of a request's body."""
    candidates = [{"title": item.title, "features": dict(item.features)} for item in search.items]
    message = {
        "query": search.query,
        "user": dict(search.user),
        "context": dict(search.context),
        "candidates": candidates,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def read_json(raw: bytes) -> Answer:
    """Look into an answer's body; what has a finite probability counts as scored.

    Raises:
        ValueError: the bytes are no answer.
    """
    return Answer(Counts(sum(map(math.isfinite, probabilities_of_json(raw))), 0, 0, 0))


def probabilities_of_json(raw: bytes) -> list[float]:
    """Return the click probability of each item.

    Raises:
        ValueError: the bytes are no answer.
    """
    message = json.loads(raw)
    try:
        return [float(score) for score in message["scores"]]
    except (KeyError, TypeError):
        raise ValueError('an answer must be {"scores": [...]}') from None
