"""All combinations of the manifests, rendered once a test run."""

from __future__ import annotations

import copy
import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_k8s.combinations import load_table
from ctr_k8s.policy.verdict import workloads
from ctr_k8s.rendering import render_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_k8s.documents import Document
    from ctr_k8s.policy.workload import Workload

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "k8s"
TABLE = MANIFESTS / "combinations.yaml"


@functools.cache
def renderings() -> Mapping[str, tuple[Document, ...]]:
    """Each combination's objects by its name. Never change them: take `fresh`."""
    with tempfile.TemporaryDirectory(prefix="ctr-k8s-") as folder:
        all_of_them = render_all(load_table(TABLE).combinations(), MANIFESTS, Path(folder))
    return {one.combination.name: tuple(one.documents) for one in all_of_them}


def fresh(combination: str) -> tuple[Document, ...]:
    """One combination's objects, to be changed at will."""
    return copy.deepcopy(renderings()[combination])


def workload_of(documents: tuple[Document, ...], name: str) -> Workload:
    """The workload of that name, as `Deployment/ctr-service`."""
    return next(one for one in workloads(documents) if one.name == name)
