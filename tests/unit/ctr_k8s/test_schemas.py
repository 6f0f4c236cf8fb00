"""A field that a kind does not have is refused, with its path."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

import kubernetes_validate
import pytest

from ctr_k8s.documents import deep, dotted, leaves, name_of
from ctr_k8s.errors import ManifestError
from ctr_k8s.schemas import VERSIONS, problems
from tests.support.k8s_renderings import fresh, renderings

if TYPE_CHECKING:
    from ctr_k8s.documents import Document

CUSTOM = (
    "PodMonitor",
    "ServiceMonitor",
    "PrometheusRule",
    "ScaledObject",
    "GRPCRoute",
    "Certificate",
)
FREE = {"labels", "annotations", "matchLabels"}
"""Mappings whose keys anybody may choose."""


def custom(kind: str) -> Document:
    """The first rendered object of a kind."""
    return next(one for one in fresh("production-canary") if one["kind"] == kind)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", sorted(renderings()))
def test_every_combination_is_valid(name: str, version: str) -> None:
    """No object has a field too many, one too few, or a wrong value."""
    assert problems(renderings()[name], version) == ()


@pytest.mark.parametrize("kind", CUSTOM)
def test_a_mistyped_field_of_a_custom_kind_is_refused_with_its_path(kind: str) -> None:
    """Each field that is used, mistyped by one letter, is refused where it stands."""
    original = custom(kind)
    # The same field of another element of a list is the same to the schema.
    mistyped = {
        re.sub(r"\[\d+\]", "[]", dotted(path[:end])): path[:end]
        for path, _ in leaves(original)
        for end in range(2, len(path) + 1)
        if path[0] == "spec" and isinstance(path[end - 1], str) and not FREE & set(path[: end - 1])
    }
    assert mistyped
    for path in mistyped.values():
        document = copy.deepcopy(original)
        holder = deep(document, *path[:-1])
        holder[f"{path[-1]}x"] = holder.pop(path[-1])
        found = problems([document], VERSIONS[-1])
        assert any(dotted(path[:-1]) in line for line in found), (dotted(path), found)
        assert any(f"{path[-1]}x" in line for line in found), (dotted(path), found)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_mistyped_field_of_a_core_kind_is_refused_with_its_path(version: str) -> None:
    """The same for Kubernetes' own kinds, at both versions."""
    documents = fresh("local")
    deployment = next(one for one in documents if one["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["livenessProb"] = container.pop("livenessProbe")
    (line,) = problems(documents, version)
    assert line.startswith("Deployment/ctr-service: spec.template.spec.containers[0]: ")
    assert "livenessProb" in line


def test_a_kind_without_a_schema_is_refused() -> None:
    """What nobody can judge does not pass."""
    stranger = {"apiVersion": "example.com/v1", "kind": "Surprise", "metadata": {"name": "x"}}
    (line,) = problems([stranger], VERSIONS[0])
    assert "no schema for example.com/v1 Surprise" in line


def test_a_version_that_is_not_shipped_is_a_sentence() -> None:
    """An unknown version does not pass for another one."""
    with pytest.raises(ManifestError, match=r"1\.99"):
        problems(fresh("local"), "1.99")


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_validate_itself_agrees(version: str) -> None:
    """The library's own function passes the production overlay's core objects, and is strict."""
    for document in fresh("production"):
        if document["kind"] not in CUSTOM:
            kubernetes_validate.validate(document, version, strict=True)
    broken = next(one for one in fresh("local") if one["kind"] == "Deployment")
    broken["spec"]["replica"] = broken["spec"].pop("replicas")
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(broken, version, strict=True)
    assert name_of(broken) == "Deployment/ctr-service"
