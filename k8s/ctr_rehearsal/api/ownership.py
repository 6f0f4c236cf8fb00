"""Who owns which fields, as `metadata.managedFields` tells it, and what an apply does to them.

A path is a tuple of steps: ("f", name) into a map, ("k", key, value) to the item of a list that
merges by a key. A leaf is a value, or a list that is exchanged as a whole.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from ctr_rehearsal.api.merge_keys import merge_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctr_rehearsal.objects import Object

Path: TypeAlias = tuple[tuple[Any, ...], ...]
ITSELF: tuple[Any, ...] = (".",)
"""The last step of a path that owns an item or an empty map itself."""
_UNOWNED = ("apiVersion", "kind", "status")
_UNOWNED_METADATA = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"}
    | {"managedFields", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"}
)


def paths_of(thing: Object) -> dict[Path, Any]:
    """Return every leaf of an object that somebody can own, with its value."""
    owned = {key: value for key, value in thing.items() if key not in _UNOWNED}
    metadata = owned.get("metadata") or {}
    owned["metadata"] = {k: v for k, v in metadata.items() if k not in _UNOWNED_METADATA}
    if not owned["metadata"]:
        del owned["metadata"]
    return dict(_walk(owned, ()))


def _walk(value: Any, path: Path) -> Iterable[tuple[Path, Any]]:  # noqa: ANN401 -- JSON
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for field, inner in value.items():
        step = (*path, ("f", field))
        key = merge_key(field, inner) if isinstance(inner, list) else None
        if key is None or not all(isinstance(i, dict) and key in i for i in inner):
            yield from _walk(inner, step)
            continue
        for item in inner:
            place = (*step, ("k", key, item[key]))
            yield (*place, ITSELF), None
            yield from _walk(item, place)


def to_fields(paths: Iterable[Path]) -> Object:
    """Return paths as `fieldsV1`."""
    fields: Object = {}
    for path in paths:
        place = fields
        for step in path:
            place = place.setdefault(_written(step), {})
    return fields


def from_fields(fields: Object) -> set[Path]:
    """Return the paths of a `fieldsV1`."""
    return set(_read(fields, ()))


def remove(thing: Object, path: Path) -> None:
    """Take what a path leads to out of an object, if it is there."""
    *way, last = path
    if last == ITSELF:
        *way, last = way
    place: Any = thing
    for step in way:
        place = _follow(place, step)
        if place is None:
            return
    if last[0] == "f" and isinstance(place, dict):
        place.pop(last[1], None)
    elif last[0] == "k" and isinstance(place, list):
        place[:] = [item for item in place if item.get(last[1]) != last[2]]


def _follow(place: Any, step: tuple[Any, ...]) -> Any:  # noqa: ANN401 -- JSON
    if step[0] == "f":
        return place.get(step[1]) if isinstance(place, dict) else None
    items = place if isinstance(place, list) else []
    return next((item for item in items if item.get(step[1]) == step[2]), None)


def _written(step: tuple[Any, ...]) -> str:
    if step == ITSELF:
        return "."
    return f"f:{step[1]}" if step[0] == "f" else f"k:{json.dumps({step[1]: step[2]})}"


def _read(fields: Object, path: Path) -> Iterable[Path]:
    if not fields and path:
        yield path
    for name, inner in fields.items():
        if name == ".":
            yield (*path, ITSELF)
        elif name.startswith("k:"):
            [(key, value)] = list(json.loads(name[2:]).items())[:1]
            yield from _read(inner, (*path, ("k", key, value)))
        else:
            yield from _read(inner, (*path, ("f", name.removeprefix("f:"))))
