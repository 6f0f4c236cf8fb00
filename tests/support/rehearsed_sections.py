"""Which test runs which section of the runbook; a section that nobody runs fails a test."""

from __future__ import annotations

ROLLOUTS = (
    "Look first",
    "Roll out code",
    "Roll out a model",
    "Roll back",
    "Restart",
    "Scale for an event",
    "Drain a node",
    "Back to the usual size",
)
"""Under load, in this order, by test_rollouts.py."""
STOPS = ("A rollout that stops", "Roll back")
"""By test_bad_rollouts.py."""
CANARY = (
    "Roll out a model that is an image volume",
    "Begin a canary",
    "Take a canary back",
)
"""By test_canary.py."""
ACCESS = ("Rotate tokens", "Rotate certificates")
"""By test_rotating.py."""
