"""Wire -> domain: one entity's features, within the limits of the contract.

Types of features are the renderer's to check: it alone knows the schema.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ctr_service.server import violations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from ctr.v1 import prediction_pb2
    from ctr_service.limits import Limits
    from ctr_service.types import FeatureValue

NO_FEATURES: Mapping[str, FeatureValue] = {}


class Place(NamedTuple):
    """Where a map of features stands, so that a path is only built for an error."""

    path: str
    known: AbstractSet[str]

    def of(self, name: str) -> str:
        """Return a feature's path; an unknown name is the caller's text, so it is not repeated."""
        return f"{self.path}[{name}]" if name in self.known else self.path


def decode_features(
    features: Mapping[str, prediction_pb2.FeatureValue], place: Place, limits: Limits
) -> Mapping[str, FeatureValue]:
    """Return the features that have a value.

    Raises:
        RequestInvalidError: TOO_MANY_FEATURES, TEXT_TOO_LONG or NUMBER_NOT_FINITE.
    """
    size = len(features)
    if not size:
        return NO_FEATURES
    if size > limits.features:
        raise violations.too_many_features(place.path, limits.features, size)
    decoded: dict[str, FeatureValue] = {}
    for name in features:  # not items(), which is Python where this is C
        plain = _value(features[name], place, name, limits)
        if plain is not None:
            decoded[name] = plain
    return decoded


def _value(
    value: prediction_pb2.FeatureValue, place: Place, name: str, limits: Limits
) -> FeatureValue | None:
    kind = value.WhichOneof("value")
    if kind == "number":
        number = value.number
        if not math.isfinite(number):
            raise violations.not_finite(place.of(name))
        return number
    if kind == "text":
        return _text(value.text, place, name, limits)
    if kind == "integer":
        return value.integer
    if kind is None:
        return None
    texts = value.texts.values
    if len(texts) > limits.feature_values:
        raise violations.too_many_features(place.of(name), limits.feature_values, len(texts))
    return tuple(_text(text, place, name, limits) for text in texts)


def _text(text: str, place: Place, name: str, limits: Limits) -> str:
    limit = limits.feature_characters
    if len(text) > limit:
        raise violations.text_too_long(place.of(name), limit, len(text))
    return text
