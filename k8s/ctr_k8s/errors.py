"""What stops `ctr-k8s`."""

from __future__ import annotations


class ManifestError(Exception):
    """A manifest, or the table of combinations, is wrong; the message says where and what to do."""
