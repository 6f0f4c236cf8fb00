"""The input template: how one record becomes the segments that the model reads.

A row is `[CLS] query [SEP] title | item | user | context [SEP]`. Each segment is rendered as text
here, by the same code in training and in serving, and tokenised apart (`tokens.py`), so that a
text's ids are computed once however many rows share it.
"""

from __future__ import annotations

import enum
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ctr_service.bundle.features import Entity, FeatureSchema, is_missing
from ctr_service.types import RenderedItem, maker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Self

    from ctr_service.types import FeatureValue

SPECIAL_TOKENS_A_ROW = 3
"""`[CLS]`, and `[SEP]` twice."""

FEATURE_JOINER = ", "
"""Stands between the features of one segment."""

Segments: TypeAlias = tuple[str, ...]
"""The texts of one row, one for each segment of the template, in its order."""


class SegmentName(enum.Enum):
    """The parts of a row."""

    __hash__ = object.__hash__  # Enum's own is Python code; a member is one object

    QUERY = "query"
    TITLE = "title"
    ITEM = "item"
    USER = "user"
    CONTEXT = "context"


class Segment(BaseModel):
    """One part of a row and the most tokens that it may take; longer text is cut at its end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: SegmentName
    max_tokens: int = Field(ge=1, le=4096)


class InputTemplate(BaseModel):
    """Segments in order. The first has token type 0 and ends at the first `[SEP]`.

    Attributes:
        segments: at least one; the first is the query.
        cls_id, sep_id, pad_id: the special token ids of the tokenizer.
        separator_ids: token ids between the segments after the first `[SEP]`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    segments: tuple[Segment, ...] = Field(min_length=1)
    cls_id: int = Field(ge=0)
    sep_id: int = Field(ge=0)
    pad_id: int = Field(ge=0)
    separator_ids: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _shape(self) -> Self:
        names = [segment.name for segment in self.segments]
        if names[0] is not SegmentName.QUERY or len(set(names)) != len(names):
            raise ValueError("the first segment must be the query, and none may stand twice")
        return self

    @property
    def max_row_tokens(self) -> int:
        """The longest row in tokens: all budgets, separators and special tokens."""
        separators = max(0, len(self.segments) - 2) * len(self.separator_ids)
        return sum(s.max_tokens for s in self.segments) + separators + SPECIAL_TOKENS_A_ROW


class RenderedPart(NamedTuple):
    """The texts of one side of a row, by segment, and the names of defaulted features."""

    texts: dict[SegmentName, str]
    defaulted: tuple[str, ...]


_Spec: TypeAlias = "tuple[str, str, str, Callable[[FeatureValue | None], str]]"
"""A feature's name, its qualified one, the text of its default, and what writes a value."""
_make_rendered = maker(RenderedItem)
_NOTHING: tuple[str, tuple[str, ...]] = ("", ())


class Renderer:
    """Renders records to segments. One instance serves training, export and gateway alike."""

    def __init__(self, template: InputTemplate, schema: FeatureSchema) -> None:
        self._names = tuple(segment.name for segment in template.segments)
        # What does not depend on a value is rendered once: a gateway renders each for every item.
        self._specs = {
            entity: tuple(
                (spec.name, spec.qualified_name, spec.render(None), spec.writer())
                for spec in schema.of(entity)
            )
            for entity in Entity
        }
        self._item_specs = self._specs[Entity.ITEM]
        self._known = {
            entity: frozenset(spec.name for spec in schema.of(entity)) for entity in Entity
        }
        self._known_items = self._known[Entity.ITEM]

    def request(
        self,
        query: str,
        user_features: Mapping[str, FeatureValue],
        context_features: Mapping[str, FeatureValue],
    ) -> RenderedPart:
        """Render what all rows of a request share: query, user and context.

        Raises:
            RequestInvalidError: a feature has the wrong type or is not finite.
        """
        user, missing_user = self._features(Entity.USER, user_features)
        context, missing_context = self._features(Entity.CONTEXT, context_features)
        texts = {
            SegmentName.QUERY: query,
            SegmentName.USER: user,
            SegmentName.CONTEXT: context,
        }
        return RenderedPart(texts, missing_user + missing_context)

    def item(self, title: str, item_features: Mapping[str, FeatureValue]) -> RenderedPart:
        """Render what belongs to one candidate: title and item features.

        Raises:
            RequestInvalidError: a feature has the wrong type or is not finite.
        """
        text, missing = _render(self._item_specs, item_features)
        return RenderedPart({SegmentName.TITLE: title, SegmentName.ITEM: text}, missing)

    def item_features(self, features: Mapping[str, FeatureValue]) -> RenderedItem:
        """Render the features of one candidate.

        Raises:
            RequestInvalidError: a feature has the wrong type or is not finite.
        """
        text, missing = _render(self._item_specs, features)
        known = self._known_items
        strangers = () if known.issuperset(features) else tuple(set(features) - known)
        return _make_rendered((text, missing, strangers))

    def rows(
        self, request: RenderedPart, titles: Sequence[str], items: Sequence[str]
    ) -> Iterable[Segments]:
        """Return `row` for each candidate of one request: titles and items' texts -> segments.

        A gateway joins hundreds of rows a request, so they are joined by column, which C does.
        """
        own = {SegmentName.TITLE: titles, SegmentName.ITEM: items}
        return zip(
            *(
                own.get(name) or repeat(request.texts.get(name, ""), len(titles))
                for name in self._names
            ),
            strict=True,
        )

    def row(self, request: RenderedPart, item: RenderedPart) -> Segments:
        """Join both parts to one row's segments, in the template's order."""
        texts = request.texts | item.texts
        return tuple([texts[name] for name in self._names])

    def known(self, entity: Entity) -> frozenset[str]:
        """Return the names of the features that the model knows of an entity."""
        return self._known[entity]

    def _features(
        self, entity: Entity, values: Mapping[str, FeatureValue]
    ) -> tuple[str, tuple[str, ...]]:
        return _render(self._specs[entity], values)


def _render(
    specs: Sequence[_Spec], values: Mapping[str, FeatureValue]
) -> tuple[str, tuple[str, ...]]:
    if not specs:
        return _NOTHING
    rendered: list[str] = []
    missing: list[str] = []
    for name, qualified_name, default, write in specs:
        value = values.get(name)
        if value or not is_missing(value):  # nearly every one is true by itself
            rendered.append(write(value))
        else:
            missing.append(qualified_name)
            rendered.append(default)
    return FEATURE_JOINER.join(rendered), tuple(missing) if missing else ()
