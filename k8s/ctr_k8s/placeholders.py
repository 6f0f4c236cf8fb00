"""What the repository leaves open, because only whoever deploys knows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctr_k8s.documents import dotted, leaves, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctr_k8s.documents import Document

OPEN = {
    re.compile(r"@sha256:0{64}$"): "a digest of zeros",
    re.compile(r"^registry\.example/"): "a registry of nobody's",
    re.compile(r"^192\.0\.2\.0/24$"): "an address range of nobody's",
    re.compile(r"(^|\.)example$"): "a host name of nobody's",
}
"""Reserved for examples (RFC 2606, RFC 5737), or no digest of anything."""


def placeholders(documents: Iterable[Document]) -> tuple[str, ...]:
    """Return every value that is still a placeholder, a line each."""
    return tuple(
        f"{name_of(document)}: {dotted(path)} is {what}: {value}"
        for document in documents
        for path, value in leaves(document)
        for pattern, what in OPEN.items()
        if isinstance(value, str) and pattern.search(value)
    )
