"""How Triton servers are used, and how often they are asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_service.backend.triton_channel import Tls

WATCH_S = 1.0
"""Between two questions whether the model is still the same; also how long an unloaded model is
asked before that is known."""
SEEK_S = 0.25
"""The same while the server does not serve."""
ASK_S = 1.0
"""Limit of one question. Triton answers them apart from batches, in about a millisecond."""
RECONNECT_AFTER = 3
"""Unanswered questions in a row, after which the connections are made anew: a server whose machine
vanished leaves connections behind that stand for a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """How servers are used.

    Attributes:
        slots: batches in flight at one server; 0 takes its instances.
        connections: to one server.
        tls: None speaks in the clear.
    """

    slots: int = 0
    connections: int = 2
    tls: Tls | None = None
