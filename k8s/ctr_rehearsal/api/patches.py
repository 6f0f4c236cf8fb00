"""The four kinds of patch, by content type."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import jsonpatch

from ctr_rehearsal.api.strategic import strategic_merge
from ctr_rehearsal.errors import ApiError

if TYPE_CHECKING:
    from ctr_rehearsal.api.kinds import Kind
    from ctr_rehearsal.objects import Object

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def patched(kind: Kind, thing: Object, content_type: str, body: bytes) -> Object:
    """Return an object with a JSON, merge or strategic merge patch applied.

    Raises:
        ApiError: the patch is not one, does not fit, or is of a kind that the object has not.
    """
    try:
        patch = json.loads(body)
    except ValueError as error:
        raise ApiError(400, "BadRequest", f"the patch is no JSON: {error}") from None
    if content_type == JSON:
        return _json_patch(thing, patch)
    if content_type == MERGE:
        result: Object = merged(thing, patch)
        return result
    if content_type == STRATEGIC and kind.strategic:
        return strategic_merge(thing, patch)
    raise ApiError(
        *(415, "UnsupportedMediaType"),
        f"{kind.qualified} take no {content_type or 'patch without a content type'}",
    )


def merged(thing: Any, patch: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return a value with a JSON merge patch (RFC 7386) applied."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = copy.deepcopy(thing) if isinstance(thing, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _json_patch(thing: Object, patch: list[Object]) -> Object:
    try:
        result: Object = jsonpatch.apply_patch(thing, patch)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise ApiError(422, "Invalid", f"the JSON patch does not fit: {error}") from None
    return result
