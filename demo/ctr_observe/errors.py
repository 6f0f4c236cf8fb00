"""What stops it."""

from __future__ import annotations


class ObserveError(Exception):
    """A server did not start, answer or stop; the message says which and what to do."""
