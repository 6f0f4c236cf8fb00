"""The selectors of a list or a watch, as a query brings them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctr_rehearsal.errors import ApiError
from ctr_rehearsal.objects import at, labels_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_rehearsal.objects import Object

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<operator>in|notin)\s+\((?P<values>[^)]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^!=\s]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^=\s]*)$")
_SPLIT = re.compile(r",(?![^(]*\))")


def selected(thing: Object, labels: str, fields: str) -> bool:
    """Say whether an object meets a label selector and a field selector; empty ones let all in.

    Raises:
        ApiError: a selector is not one.
    """
    own = labels_of(thing)
    return all(_label_meets(part, own) for part in _parts(labels)) and all(
        _field_meets(part, thing) for part in _parts(fields)
    )


def _parts(selector: str) -> list[str]:
    return [part.strip() for part in _SPLIT.split(selector) if part.strip()]


def _label_meets(part: str, labels: Mapping[str, str]) -> bool:
    if found := _SET.match(part):
        values = {value.strip() for value in found["values"].split(",")}
        return (labels.get(found["key"]) in values) is (found["operator"] == "in")
    if found := _EQUAL.match(part):
        return (labels.get(found["key"]) == found["value"]) is (found["operator"] != "!=")
    if part.startswith("!"):
        return part[1:] not in labels
    return part in labels


def _field_meets(part: str, thing: Object) -> bool:
    if not (found := _EQUAL.match(part)):
        raise ApiError(400, "BadRequest", f"{part!r} is no field selector")
    value = at(thing, found["key"], "")
    return (str(value) == found["value"]) is (found["operator"] != "!=")
