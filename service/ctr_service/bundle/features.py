"""The feature schema, and the one formatter for log files and wire alike.

A feature renders to a short text that the model reads, so training and serving agree to the byte
when they call the same `FeatureSpec.render`.
"""

from __future__ import annotations

import bisect
import enum
import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ctr_service.errors import Reason, RequestInvalidError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from ctr_service.types import FeatureValue


class Entity(enum.Enum):
    """Which thing a feature describes; the value is the prefix of its column in a log."""

    __hash__ = object.__hash__  # Enum's own is Python code; a member is one object

    ITEM = "item"
    USER = "user"
    CONTEXT = "context"


class FeatureType(enum.Enum):
    """The type that a value must have; names equal the wire's FeatureType."""

    NUMBER = "number"
    TEXT = "text"
    TEXTS = "texts"


class FeatureSpec(BaseModel):
    """One feature that the model knows.

    Attributes:
        name: without the entity's prefix, as a request names it.
        edges: rising bucket edges of a NUMBER; when present the bucket's index is rendered.
        number_format: format of a NUMBER without edges, as for `format(float, ...)`.
        default: used when the value is missing; None renders `missing_token`.
        missing_token: the word for a missing value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=128)
    entity: Entity
    type: FeatureType
    edges: tuple[float, ...] = ()
    number_format: str = ".6g"
    default: float | str | None = None
    missing_token: str = "unknown"  # noqa: S105 -- a word of the text, no secret

    @model_validator(mode="after")
    def _edges_rise(self) -> Self:
        if any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError(f"feature {self.name}: edges must rise strictly")
        if self.edges and self.type is not FeatureType.NUMBER:
            raise ValueError(f"feature {self.name}: only a number has bucket edges")
        return self

    @property
    def label(self) -> str:
        """The name as the model reads it: underscores become spaces."""
        return self.name.replace("_", " ")

    @property
    def qualified_name(self) -> str:
        """Entity and name, for answers and errors: `item.price`."""
        return f"{self.entity.value}.{self.name}"

    def render(self, value: FeatureValue | None) -> str:
        """Render a value as the model reads it: label, a space, the formatted value.

        Args:
            value: a number, text or texts as `type` says; None when missing. An empty text and an
                empty tuple count as missing.

        Raises:
            RequestInvalidError: FEATURE_TYPE_MISMATCH or NUMBER_NOT_FINITE.
        """
        if is_missing(value):
            value = self.default
        if value is None:
            return f"{self.label} {self.missing_token}"
        return f"{self.label} {self._format(value)}"

    def writer(self) -> Callable[[FeatureValue | None], str]:
        """Return `render`, with all done beforehand that depends on no value.

        A gateway renders every feature of every candidate, so what comes all the time (a double
        that falls into a bucket, a text) takes one look-up; the rest is `render` itself.
        """
        prefix = f"{self.label} "
        if self.type is FeatureType.NUMBER and self.edges:
            edges = self.edges
            texts = [f"{prefix}{index}" for index in range(len(edges) + 1)]

            def write_bucket(value: FeatureValue | None) -> str:
                if type(value) is float and value - value == 0.0:  # finite
                    return texts[bisect.bisect_right(edges, value)]
                return self.render(value)

            return write_bucket
        if self.type is FeatureType.TEXT:

            def write_text(value: FeatureValue | None) -> str:
                return prefix + value if type(value) is str and value else self.render(value)

            return write_text
        return self.render

    def _format(self, value: FeatureValue) -> str:
        if self.type is FeatureType.NUMBER:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise self._mismatch(value)
            return self._format_number(float(value))
        if self.type is FeatureType.TEXT:
            if not isinstance(value, str):
                raise self._mismatch(value)
            return value
        if not isinstance(value, tuple):
            raise self._mismatch(value)
        return ", ".join(value)

    def _format_number(self, number: float) -> str:
        if not math.isfinite(number):
            raise RequestInvalidError(
                f"feature {self.qualified_name} must be finite",
                reason=Reason.NUMBER_NOT_FINITE,
                metadata={"field": self.qualified_name},
            )
        if self.edges:
            return str(bisect.bisect_right(self.edges, number))
        text = format(number, self.number_format)
        return "0" if text == "-0" else text

    def _mismatch(self, value: FeatureValue) -> RequestInvalidError:
        sent = "text" if isinstance(value, str) else "number"
        sent = "texts" if isinstance(value, tuple) else sent
        return RequestInvalidError(
            f"feature {self.qualified_name} must be of type {self.type.value}, not {sent}",
            reason=Reason.FEATURE_TYPE_MISMATCH,
            metadata={"field": self.qualified_name, "limit": self.type.value, "size": sent},
        )


def is_missing(value: FeatureValue | None) -> bool:
    """Say whether the default stands in for `value`: None, an empty text, an empty tuple."""
    return not value and (value is None or value in ("", ()))


class FeatureSchema(BaseModel):
    """All features that the model knows, in the order in which they are rendered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[FeatureSpec, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [feature.qualified_name for feature in self.features]
        if len(set(names)) != len(names):
            raise ValueError("two features of one entity share a name")
        return self

    def of(self, entity: Entity) -> tuple[FeatureSpec, ...]:
        """Return the features of one entity, in rendering order."""
        return tuple(f for f in self.features if f.entity is entity)
