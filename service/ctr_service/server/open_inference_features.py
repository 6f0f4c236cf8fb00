"""Features in JSON: `{"price": 19.9, "brand": "acme", "tags": ["hot", "new"]}` -> wire values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ctr.v1 import prediction_pb2
from ctr_service.errors import Reason, RequestInvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping

_INT64 = 1 << 63


def features_of(text: bytes | str, field: str) -> Mapping[str, prediction_pb2.FeatureValue]:
    """Read one JSON object; empty text is no features, null a missing one.

    Raises:
        RequestInvalidError: it is no object, or a value is neither a number, a text nor texts.
    """
    if not text:
        return {}
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        # `from None`: the parser's own text could quote what was sent.
        raise _no_object(field) from None
    if not isinstance(plain, dict):
        raise _no_object(field)
    try:
        return {_checked(name): _value(value, field) for name, value in plain.items()}
    except UnicodeEncodeError:  # JSON can write half a surrogate pair, UTF-8 cannot
        raise _mismatch(field, "a text that is no valid Unicode") from None


def _value(value: object, field: str) -> prediction_pb2.FeatureValue:
    wire = prediction_pb2.FeatureValue()
    if isinstance(value, str):
        wire.text = value
    elif isinstance(value, float):
        wire.number = value
    elif isinstance(value, int) and not isinstance(value, bool):
        if not -_INT64 <= value < _INT64:
            raise _mismatch(field, "an integer beyond 64 bits")
        wire.integer = value
    elif isinstance(value, list):
        if not all(isinstance(text, str) for text in value):
            raise _mismatch(field, "a list of something else than texts")
        wire.texts.values.extend(value)
    elif value is not None:
        raise _mismatch(field, "an object" if isinstance(value, dict) else "a truth value")
    return wire


def _checked(name: str) -> str:
    name.encode()
    return name


def _no_object(field: str) -> RequestInvalidError:
    return RequestInvalidError(
        f'{field} is no JSON object such as {{"price": 19.9, "brand": "acme"}}',
        metadata={"field": field},
    )


def _mismatch(field: str, sent: str) -> RequestInvalidError:
    return RequestInvalidError(
        f"{field} holds {sent}; a feature is a number, a text or a list of texts",
        reason=Reason.FEATURE_TYPE_MISMATCH,
        metadata={"field": field, "size": sent},
    )
