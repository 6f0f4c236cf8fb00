"""Each object against the schema of its kind, strictly: a field that no such kind has fails."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
from referencing import Registry, Resource

from ctr_k8s.documents import dotted, name_of
from ctr_k8s.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctr_k8s.documents import Document

OLDEST, NEWEST = "1.31", "1.37"
"""Kubernetes' minor versions that the manifests are for.

1.31 is the first whose schemas know all fields used here (image volumes are the latest), and whose
kubelet has preStop's `sleep` and native sidecars without a feature gate. 1.37 is the newest that
kubernetes-validate ships, and the version of the kubectl that renders.
"""
VERSIONS = (OLDEST, NEWEST)


def problems(documents: Iterable[Document], version: str) -> tuple[str, ...]:
    """Return what is wrong, a line each: object, path, and the schema's complaint.

    Args:
        documents: objects of core kinds, or of a kind whose schema is in ctr_k8s/schemas.
        version: a minor version of Kubernetes, as "1.37".
    """
    found: list[str] = []
    for document in documents:
        validator = _custom(_key(document)) or _core(version, _key(document))
        if validator is None:
            found.append(
                f"{name_of(document)}: no schema for {document['apiVersion']} {document['kind']}; "
                "write one to k8s/ctr_k8s/schemas"
            )
            continue
        found += (
            f"{name_of(document)}: {dotted(_deepest(error).absolute_path) or 'object'}: "
            f"{_deepest(error).message}"
            for error in validator.iter_errors(document)
        )
    return tuple(found)


def _key(document: Document) -> str:
    """`deployment-apps-v1`, `service-v1`: how kubernetes-validate names a schema."""
    group, _, version = str(document["apiVersion"]).rpartition("/")
    parts = (str(document["kind"]).lower(), group.split(".")[0], version)
    return "-".join(part for part in parts if part)


def _deepest(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """The error at the field itself, where the schema is a choice of several."""
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    return error


@functools.cache
def _custom(key: str) -> jsonschema.Draft202012Validator | None:
    file = resources.files("ctr_k8s").joinpath("schemas", f"{key}.json")
    if not file.is_file():
        return None
    metadata = resources.files("ctr_k8s").joinpath("schemas", "metadata.json")
    registry: Registry[Any] = Registry().with_resource(
        "metadata.json", Resource.from_contents(json.loads(metadata.read_text()))
    )
    return jsonschema.Draft202012Validator(json.loads(file.read_text()), registry=registry)


@functools.cache
def _core(version: str, key: str) -> jsonschema.Draft202012Validator | None:
    file = _shipped(version).joinpath(f"{key}.json")
    if not file.is_file():
        return None
    return jsonschema.Draft202012Validator(
        json.loads(file.read_text()), registry=_definitions(version)
    )


@functools.cache
def _definitions(version: str) -> Registry[Any]:
    # kubernetes_validate.validate reads these 2 MB for every object; the schemas are its own.
    contents = json.loads(_shipped(version).joinpath("_definitions.json").read_text())
    return Resource.from_contents(contents) @ Registry()


def _shipped(version: str) -> Any:  # noqa: ANN401 -- Traversable has moved between Python versions
    folder = resources.files("kubernetes_validate").joinpath(
        "kubernetes-json-schema", f"v{version}.0-local-strict"
    )
    if not folder.is_dir():
        raise ManifestError(f"kubernetes-validate ships no schemas of Kubernetes {version}")
    return folder
