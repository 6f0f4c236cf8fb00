"""The log line with which our own servers say that they serve, and where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctr_observe.child import Child

SERVING = r'^\{.*"event": ?"serving".*\}$'


def serving_event(child: Child) -> dict[str, Any]:
    """Wait for it and return its fields.

    Raises:
        ObserveError: the server ended, or took too long, without it.
    """
    return dict(json.loads(child.wait_for(SERVING)[0]))
