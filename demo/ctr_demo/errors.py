"""What stops the demo."""

from __future__ import annotations


class DemoError(Exception):
    """A step failed; the message says which and what to do."""
