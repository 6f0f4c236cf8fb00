"""What differs between two bundles, by their manifests alone. Pure.

Two questions, two answers: `differences` lists every value that is not the same; `score_causes`
names the parts that make a score and differ. Where it names none, the same request scores the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctr_service.bundle.manifest import GraphVariant, Manifest

    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "model": ("model_name", "model_version", "created_unix_s", "target", "base_rate"),
    "template": ("template",),
    "features": ("features",),
    "digests": ("weights_sha256", "tokenizer_sha256"),
    "graphs": ("graphs", "rejected", "trimming"),
    "default": ("default", "layout"),
    "triton": ("triton",),
    "metrics": ("metrics",),
    "tools": ("tools", "schema_version"),
}
"""What people look for -> fields of the manifest. A test holds that no field is left out."""
LABELS = (
    ("entity", "name"),
    ("name",),
    ("bucket_tokens", "rows"),
    ("graph", "engine", "precision"),
)
"""A list's entries are told apart by the first of these that all have and in which they differ; a
list without such entries is told whole."""
ABSENT = None
"""Stands for a value that one side does not have; JSON's null is told the same way."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not the same.

    Attributes:
        section: a key of `SECTIONS`.
        path: where in the manifest, with dots.
        old, new: JSON values; None where that side has none.
    """

    section: str
    path: str
    old: Json
    new: Json


def differences(old: Manifest, new: Manifest) -> tuple[Difference, ...]:
    """Return every value that differs, in the order of `SECTIONS`, then as the manifest has it."""
    left, right = old.model_dump(mode="json"), new.model_dump(mode="json")
    return tuple(
        Difference(section, path, was, now)
        for section, fields in SECTIONS.items()
        for field in fields
        for path, was, now in _unequal(field, left[field], right[field])
    )


def score_causes(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """Name what makes scores and differs between the graphs that serve by default.

    A score is made of the rendered text (template, feature schema), its tokens (tokenizer), the
    graph's bytes, the engine and precision that run it, and the calibration of its logits. Nothing
    else: not the version's name, not the layout, not what the bundle was made with.
    """
    return tuple(
        name
        for (name, was), now in zip(
            _score_makers(old).items(), _score_makers(new).values(), strict=True
        )
        if was != now
    )


def _score_makers(manifest: Manifest) -> dict[str, object]:
    default = manifest.default
    variant = manifest.variant(default.graph, default.engine, default.precision)
    return {
        "template": manifest.template,
        "feature schema": manifest.features,
        "tokenizer": manifest.tokenizer_sha256,
        "graph": _digests(variant),
        "engine": (default.engine, default.precision),
        "calibration": variant.calibration,
    }


def _digests(variant: GraphVariant) -> tuple[str, ...]:
    # By content: a graph that lies under another name is the same graph.
    return (variant.sha256, *sorted(variant.extra_files.values()))


def _unequal(path: str, old: Json, new: Json) -> Iterator[tuple[str, Json, Json]]:
    """Yield (path, old, new) of the smallest parts that differ."""
    parts = _parts(old, new)
    if parts is None:
        if old != new:
            yield path, old, new
        return
    left, right = parts
    for key in dict.fromkeys((*left, *right)):
        yield from _unequal(f"{path}.{key}", left.get(key, ABSENT), right.get(key, ABSENT))
    # A template's segments and a schema's features are read in their order.
    if isinstance(old, list) and list(left) != list(right) and left.keys() == right.keys():
        yield f"{path}.order", list(left), list(right)


def _parts(old: Json, new: Json) -> tuple[dict[str, Json], dict[str, Json]] | None:
    """Return two values' parts by name; None for values that are told whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old, new
    if isinstance(old, list) and isinstance(new, list) and (old or new):
        for label in LABELS:
            left, right = _by_label(old, label), _by_label(new, label)
            if left is not None and right is not None:
                return left, right
    # Numbers in a row (bucket edges, a shape, knots) say nothing one by one.
    return None


def _by_label(entries: list[Json], label: tuple[str, ...]) -> dict[str, Json] | None:
    named: dict[str, Json] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not entry.keys() >= set(label):
            return None
        named[".".join(str(entry[field]) for field in label)] = entry
    return named if len(named) == len(entries) else None
