"""Strategic merge patches, as far as workloads and services need them.

Supported: maps merge, lists with a merge key merge by it, other lists are exchanged, null deletes;
the directives `$patch` (delete, replace, merge), `$setElementOrder`, `$deleteFromPrimitiveList` and
`$retainKeys`. Any other directive is refused.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ctr_rehearsal.api.merge_keys import PRIMITIVE_SETS, merge_key
from ctr_rehearsal.errors import ApiError, unsupported

if TYPE_CHECKING:
    from ctr_rehearsal.objects import Object

ORDER, DELETE, RETAIN = "$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys"


def strategic_merge(thing: Object, patch: Object) -> Object:
    """Return `thing` with a patch merged into it; neither is changed.

    Raises:
        ApiError: a directive that is not supported, or an item without its merge key.
    """
    verb = patch.get("$patch", "merge")
    if verb == "replace":
        return {k: copy.deepcopy(v) for k, v in patch.items() if k != "$patch"}
    if verb not in ("merge", "delete"):
        raise unsupported(f"$patch: {verb}")
    if verb == "delete":
        return {}
    merged = copy.deepcopy(thing)
    if RETAIN in patch:
        merged = {key: value for key, value in merged.items() if key in patch[RETAIN]}
    for key, value in patch.items():
        if key.startswith("$"):
            _direct(merged, key, value)
        elif value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            standing = merged.get(key)
            merged[key] = strategic_merge(standing if isinstance(standing, dict) else {}, value)
        elif isinstance(value, list):
            merged[key] = _merge_lists(key, merged.get(key), value, patch.get(ORDER + key))
        else:
            merged[key] = value
    return merged


def _direct(merged: Object, directive: str, value: Any) -> None:  # noqa: ANN401 -- JSON
    """Do what a directive says beside `$patch`."""
    if directive.startswith(DELETE):
        field = directive.removeprefix(DELETE)
        merged[field] = [item for item in merged.get(field) or () if item not in value]
    elif directive.startswith(ORDER):
        field = directive.removeprefix(ORDER)
        key = merge_key(field, merged.get(field), value)
        if key is not None and isinstance(merged.get(field), list):
            merged[field] = _ordered(merged[field], key, [item.get(key) for item in value])
    elif directive not in ("$patch", RETAIN):
        raise unsupported(f"the directive {directive} of strategic merge patches")


def _merge_lists(
    field: str, standing: list[Any] | None, patch: list[Any], order: list[Any] | None
) -> list[Any]:
    if field in PRIMITIVE_SETS:
        return [*(standing or ()), *(item for item in patch if item not in (standing or ()))]
    key = merge_key(field, standing, patch)
    if key is None or any(item == {"$patch": "replace"} for item in patch):
        return [copy.deepcopy(item) for item in patch if item != {"$patch": "replace"}]
    merged = {item.get(key): item for item in standing or ()}
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise ApiError(422, "Invalid", f"an item of {field} in the patch has no {key}")
        if item.get("$patch") == "delete":
            merged.pop(item[key], None)
        else:
            merged[item[key]] = strategic_merge(merged.get(item[key], {}), item)
    items = list(merged.values())
    return items if order is None else _ordered(items, key, [item.get(key) for item in order])


def _ordered(items: list[Any], key: str, order: list[Any]) -> list[Any]:
    """Return items in an order of their keys; those that it does not name come last."""
    places = {value: place for place, value in enumerate(order)}
    return sorted(items, key=lambda item: places.get(item.get(key), len(places)))
