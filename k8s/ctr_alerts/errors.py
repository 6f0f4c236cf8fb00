"""What stops the generator."""

from __future__ import annotations


class AlertsError(Exception):
    """The source or the generated files are wrong; the message says where and what to do."""
