"""What stops a bench."""

from __future__ import annotations


class BenchError(Exception):
    """A bench cannot go on; the message says why and what to do."""
