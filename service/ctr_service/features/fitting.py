"""Stored features cut to what the model knows: a store may be older or newer than the bundle.

The caller did not send these values, so one that the model cannot take must not make its request
INVALID: it is left out, and the default stands in and is named.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ctr_service.bundle.features import Entity, FeatureSchema, FeatureSpec, FeatureType
from ctr_service.features.store import StoredEntity

if TYPE_CHECKING:
    from ctr_service.types import FeatureValue


class Fitting:
    """Fits stored entities to one schema."""

    def __init__(self, schema: FeatureSchema) -> None:
        self._specs = {entity: {s.name: s for s in schema.of(entity)} for entity in Entity}

    def fit(self, entity: Entity, stored: StoredEntity) -> StoredEntity:
        """Leave out features that the model does not know, or not with this type."""
        specs = self._specs[entity]
        features = {
            name: value
            for name, value in stored.features.items()
            if name in specs and fits(specs[name], value)
        }
        return StoredEntity(stored.title, stored.version, features)


def fits(spec: FeatureSpec, value: FeatureValue) -> bool:
    """Say whether a value may be rendered as the feature."""
    if spec.type is FeatureType.NUMBER:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        )
    return isinstance(value, str if spec.type is FeatureType.TEXT else tuple)
