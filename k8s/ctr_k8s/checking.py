"""Everything that must hold for what was rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_k8s import schemas
from ctr_k8s.policy import shortcomings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctr_k8s.documents import Document
    from ctr_k8s.rendering import Rendering


def faults(documents: Sequence[Document]) -> tuple[str, ...]:
    """Return what is wrong with the objects of one rendering, a line each."""
    return (
        *(
            f"Kubernetes {version}: {problem}"
            for version in schemas.VERSIONS
            for problem in schemas.problems(documents, version)
        ),
        *map(str, shortcomings(documents)),
    )


def faults_of_all(renderings: Iterable[Rendering]) -> tuple[str, ...]:
    """Return the same for all, each line once, with the first combination that has it."""
    first: dict[str, str] = {}
    for rendering in renderings:
        for fault in faults(rendering.documents):
            first.setdefault(fault, rendering.combination.name)
    return tuple(f"{name}: {fault}" for fault, name in first.items())
