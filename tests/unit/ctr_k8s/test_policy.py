"""The must-haves hold for every rendered workload, and taking any of them out is noticed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from ctr_k8s.documents import dotted, leaves
from ctr_k8s.policy import MUST_HAVES, shortcomings
from ctr_k8s.policy.verdict import workloads
from ctr_k8s.policy.workload import Workload
from ctr_k8s.schemas import VERSIONS, problems
from tests.support.k8s_mutations import ABSENT, MUTATIONS, put_at
from tests.support.k8s_renderings import fresh, renderings, workload_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_k8s.documents import Document

BY_ID = {must.id: must for must in MUST_HAVES}
CASES = [(name, number) for name, some in MUTATIONS.items() for number in range(len(some))]


@pytest.mark.parametrize("name", sorted(renderings()))
def test_every_workload_has_every_must_have(name: str) -> None:
    """No workload of any combination lacks anything."""
    assert shortcomings(renderings()[name]) == ()


def test_every_must_have_is_known_to_be_missed() -> None:
    """Each line of the table has mutations that take it out, and ids are unique."""
    assert len(BY_ID) == len(MUST_HAVES)
    assert set(MUTATIONS) == set(BY_ID)


def test_every_must_have_concerns_somebody() -> None:
    """No line of the table is about workloads that are never rendered."""
    everybody = [one for documents in renderings().values() for one in workloads(documents)]
    assert all(any(must.concerns(one) for one in everybody) for must in MUST_HAVES)


def concerned(must_have: str) -> Iterator[tuple[list[Document], Workload]]:
    """Fresh objects for each workload that a must-have is about, in the overlays and all mixes.

    A workload is taken once for each form of its pods.
    """
    seen: set[tuple[str, str]] = set()
    for combination, documents in renderings().items():
        for workload in workloads(documents):
            form = (workload.name, str([sorted(one) for one in workload.all_containers]))
            if form not in seen and BY_ID[must_have].concerns(workload):
                seen.add(form)
                copied = [one for one in fresh(combination) if one["kind"] != "PrometheusRule"]
                named = workload_of(tuple(copied), workload.name)
                yield copied, Workload(named.document, copied)


@pytest.mark.parametrize(("must_have", "number"), CASES)
def test_taking_a_must_have_out_is_noticed(must_have: str, number: int) -> None:
    """Whichever workload loses it, by whichever way, is named with the must-have's id."""
    changed = 0
    for documents, workload in concerned(must_have):
        if MUTATIONS[must_have][number](workload):
            changed += 1
            found = {(one.must_have, one.workload) for one in shortcomings(documents)}
            assert (must_have, workload.name) in found
    assert changed, "this mutation changes nothing anywhere"


IDENTITY = {("apiVersion",), ("kind",), ("metadata", "name")}
"""Without these it is no object at all; `parse` refuses it."""
FREE = (
    "metadata.labels.app.kubernetes.io/part-of",
    "metadata.labels.ctr-serve/model",
    "metadata.labels.app",
    "metadata.namespace",
    "spec.template.metadata.labels.app.kubernetes.io/part-of",
    # Kubernetes' own default is what stands there, written down so that nobody has to know it.
    "spec.revisionHistoryLimit",
    "imagePullPolicy",
    "timeoutSeconds",
    "failureThreshold",
    "periodSeconds",
    "fsGroup",
    "fsGroupChangePolicy",
    "defaultMode",
    "maxSkew",
    "whenUnsatisfiable",
    "pullPolicy",
)
"""What may be left out of a gateway's Deployment without anybody noticing."""


@pytest.mark.parametrize("combination", ["local", "production"])
def test_nothing_in_the_gateways_deployment_is_there_for_show(combination: str) -> None:
    """Leaving any one value out fails a schema or a must-have, but for a few that are named."""
    original = fresh(combination)
    index = next(
        place
        for place, one in enumerate(original)
        if one["metadata"]["name"] == "ctr-service" and one["kind"] == "Deployment"
    )
    unnoticed = []
    for path, _ in leaves(original[index]):
        if path in IDENTITY:
            continue
        documents = list(original)
        documents[index] = copy.deepcopy(original[index])
        assert put_at(documents[index], path, ABSENT)
        if not problems([documents[index]], VERSIONS[-1]) and not shortcomings(documents):
            unnoticed.append(dotted(path))
    assert [path for path in unnoticed if not path.endswith(FREE)] == []


@pytest.mark.parametrize("combination", ["local-canary", "production-canary"])
def test_a_canary_is_the_stable_pods_and_begins_without_traffic(combination: str) -> None:
    """Its pods' spec is theirs to the letter, and the route's weights are 100 and 0."""
    documents = renderings()[combination]
    stable = workload_of(documents, "Deployment/ctr-service")
    canary = workload_of(documents, "Deployment/ctr-service-canary")
    assert canary.pod == stable.pod
    assert canary.labels == {**stable.labels, "track": "canary"}
    assert canary.lag_s == stable.lag_s
    (route,) = stable.of_kind("GRPCRoute")
    weights = {one["name"]: one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]}
    assert weights == {"ctr-service": 100, "ctr-service-canary": 0}
    one, other = (stable.named("Service", name) for name in weights)
    assert one is not None
    assert other is not None
    assert one["spec"]["ports"] == other["spec"]["ports"]
