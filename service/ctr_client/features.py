"""Texts of a command line or a file -> feature values of the types that the model's schema says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ctr.v1 import prediction_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ctr_client.messages import PlainValue

TEXTS_SEPARATOR = "|"
"""Between the texts of one feature in a CSV cell or on the command line."""

ITEM, USER, CONTEXT = (
    prediction_pb2.ENTITY_ITEM,
    prediction_pb2.ENTITY_USER,
    prediction_pb2.ENTITY_CONTEXT,
)


class FeatureError(ValueError):
    """A feature is unknown to the model or has another type; the sentence holds no value."""


class FeatureTypes:
    """The model's features, as GetModel lists them."""

    def __init__(self, features: Iterable[prediction_pb2.FeatureSpec]) -> None:
        self._types = {(spec.entity, spec.name): spec.type for spec in features}

    def names(self, entity: prediction_pb2.Entity.ValueType) -> tuple[str, ...]:
        """Return the names of an entity's features, sorted."""
        return tuple(sorted(name for owner, name in self._types if owner == entity))

    def typed(
        self, entity: prediction_pb2.Entity.ValueType, name: str, raw: object
    ) -> PlainValue | None:
        """Return a value of the feature's type; None when it is missing (empty or null).

        Raises:
            FeatureError: the model has no such feature, or `raw` cannot be of its type.
        """
        kind = self._types.get((entity, name))
        if kind is None:
            raise FeatureError(f"the model has no feature {name!r} here{self._known(entity)}")
        if raw is None or raw == "":
            return None
        if kind == prediction_pb2.FEATURE_TYPE_NUMBER:
            return as_number(f"feature {name}", raw)
        if kind == prediction_pb2.FEATURE_TYPE_TEXT:
            return _text(name, raw)
        return _texts(name, raw)

    def from_pairs(
        self, entity: prediction_pb2.Entity.ValueType, pairs: Iterable[str]
    ) -> Mapping[str, PlainValue]:
        """Read `name=value` pairs of a command line.

        Raises:
            FeatureError: a pair has no `=`, no known name or no fitting value.
        """
        found: dict[str, PlainValue] = {}
        for pair in pairs:
            name, equals, raw = pair.partition("=")
            if not equals:
                raise FeatureError("a feature is given as name=value, with an equals sign")
            value = self.typed(entity, name, raw)
            if value is not None:
                found[name] = value
        return found

    def _known(self, entity: prediction_pb2.Entity.ValueType) -> str:
        names = self.names(entity)
        return f"; it knows {', '.join(names)}" if names else ""


def as_number(what: str, raw: object) -> float:
    """Read a finite number.

    Args:
        what: how the sentence of an error begins, such as "column rank".
        raw: a number, or the text of one.

    Raises:
        FeatureError: it is none.
    """
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise FeatureError(f"{what} must be a number")
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        raise FeatureError(f"{what} must be a number") from None
    if not math.isfinite(number):
        raise FeatureError(f"{what} must be a finite number; leave it empty when unknown")
    return number


def _text(name: str, raw: object) -> str:
    if not isinstance(raw, str):
        raise FeatureError(f"feature {name} must be a text")
    return raw


def _texts(name: str, raw: object) -> tuple[str, ...] | None:
    parts = raw.split(TEXTS_SEPARATOR) if isinstance(raw, str) else raw
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise FeatureError(f"feature {name} must be texts, with {TEXTS_SEPARATOR} between them")
    return tuple(parts) or None
