"""Holding every workload of a rendering against the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ctr_k8s.policy.table import MUST_HAVES
from ctr_k8s.policy.workload import WORKLOADS, Workload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_k8s.documents import Document


class Shortcoming(NamedTuple):
    """A must-have that a workload lacks."""

    must_have: str
    workload: str
    phrase: str

    def __str__(self) -> str:
        """Return the line that is printed."""
        return f"{self.workload}: {self.phrase} [{self.must_have}]"


def workloads(documents: Sequence[Document]) -> tuple[Workload, ...]:
    """Return the workloads of a rendering."""
    return tuple(Workload(one, documents) for one in documents if one["kind"] in WORKLOADS)


def shortcomings(documents: Sequence[Document]) -> tuple[Shortcoming, ...]:
    """Return what the workloads of a rendering lack; empty is good."""
    return tuple(
        Shortcoming(must.id, workload.name, phrase)
        for workload in workloads(documents)
        for must in MUST_HAVES
        if must.concerns(workload)
        for phrase in must.lacks(workload)
    )
