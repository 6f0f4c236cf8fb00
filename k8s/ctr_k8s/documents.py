"""Rendered YAML as plain objects, and paths into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from ctr_k8s.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Document: TypeAlias = dict[str, Any]
"""One Kubernetes object, as its JSON."""


def parse(text: str) -> tuple[Document, ...]:
    """Return the objects of a YAML stream, in its order; empty documents are left out.

    Raises:
        ManifestError: it is no YAML, or holds something that is no Kubernetes object.
    """
    try:
        documents = tuple(document for document in yaml.safe_load_all(text) if document)
    except yaml.YAMLError as error:
        raise ManifestError(f"no YAML: {error}") from None
    for number, document in enumerate(documents, start=1):
        for path in (("apiVersion",), ("kind",), ("metadata", "name")):
            if not isinstance(deep(document, *path), str):
                raise ManifestError(f"document {number} has no {dotted(path)}")
    return documents


def name_of(document: Document) -> str:
    """Return `Kind/name`."""
    return f"{document['kind']}/{document['metadata']['name']}"


def dotted(path: Iterable[str | int]) -> str:
    """Return a path as `spec.template.spec.containers[0].image`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def deep(value: object, *path: str | int) -> Any:  # noqa: ANN401 -- JSON has no narrower type
    """Return what stands at a path; None where it ends early."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return None
            value = value[step]
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def leaves(
    value: object, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Yield every path of a JSON value that ends in no further mapping or list, with its value."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value
