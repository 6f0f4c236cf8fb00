"""Wire -> domain: raw bytes become a SearchRequest, and every limit of the contract is enforced.

A broken request raises; a broken item becomes a Candidate with an `error`, so that its neighbours
are still scored. Types of features are the renderer's to check: it alone knows the schema.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeVar

from google.protobuf.message import DecodeError

from ctr.v1 import prediction_pb2
from ctr_service.bundle.features import Entity, FeatureSchema
from ctr_service.errors import RequestInvalidError
from ctr_service.limits import WIRE_LIMITS, Limits
from ctr_service.server import violations
from ctr_service.types import Candidate, FeatureValue, ItemError, Priority, SearchRequest, maker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from google.protobuf.message import Message

_MessageT = TypeVar("_MessageT", bound="Message")

_make_candidate = maker(Candidate)
_NO_FEATURES: Mapping[str, FeatureValue] = {}
_BARE = ("item.title",)
"""What is defaulted of an item that brings nothing but its id, unless a feature store knows it."""


def parse_message(raw: bytes, kind: type[_MessageT]) -> _MessageT:
    """Parse bytes as a message of a type.

    Raises:
        RequestInvalidError: MALFORMED_REQUEST; also for a text that is no valid UTF-8.
    """
    message = kind()
    try:
        message.ParseFromString(raw)
    except DecodeError:
        # `from None`: the library's text could quote what was sent.
        raise violations.malformed(len(raw)) from None
    return message


def check_model_ref(model: prediction_pb2.ModelRef, limits: Limits = WIRE_LIMITS) -> None:
    """Check the lengths of a model's name and version.

    Raises:
        RequestInvalidError: ID_TOO_LONG.
    """
    _check_id("model.name", model.name, limits)
    _check_id("model.version", model.version, limits)


class Decoder:
    """Decodes requests for one feature schema. Stateless between calls."""

    def __init__(
        self, schema: FeatureSchema, limits: Limits = WIRE_LIMITS, *, by_id: bool = False
    ) -> None:
        """Take the schema, whose names alone may be repeated in errors, and the limits.

        Args:
            schema: of the model.
            limits: of the contract.
            by_id: let items through that bring nothing but an id; else they are invalid.
        """
        self._limits = limits
        self._by_id = by_id
        known = {entity: {spec.name for spec in schema.of(entity)} for entity in Entity}
        self._user_place = _Place("user.features", known[Entity.USER])
        self._context_place = _Place("context_features", known[Entity.CONTEXT])
        self._item_place = _Place("features", known[Entity.ITEM])

    def decode(
        self, message: prediction_pb2.PredictClicksRequest, *, request_id: str, deadline_ns: int
    ) -> SearchRequest:
        """Turn a message into a search to score.

        Args:
            message: the parsed request.
            request_id: the caller's, or the one made for it.
            deadline_ns: absolute on the injected clock.

        Raises:
            RequestInvalidError: the request as a whole breaks a limit.
        """
        limits = self._limits
        _check_id("request_id", message.request_id, limits)
        if len(message.query) > limits.query_characters:
            raise violations.text_too_long("query", limits.query_characters, len(message.query))
        _check_id("user.user_id", message.user.user_id, limits)
        check_model_ref(message.model, limits)
        if not message.candidates:
            raise violations.no_candidates()
        if len(message.candidates) > limits.candidates:
            raise violations.too_many_candidates(limits.candidates, len(message.candidates))
        return SearchRequest(
            request_id=request_id,
            query=message.query,
            candidates=self._candidates(message),
            deadline_ns=deadline_ns,
            user_id=message.user.user_id,
            user_features=self._features(message.user.features, self._user_place),
            context_features=self._features(message.context_features, self._context_place),
            priority=_priority(message.priority),
        )

    def _candidates(self, message: prediction_pb2.PredictClicksRequest) -> tuple[Candidate, ...]:
        seen: set[str] = set()
        candidates: list[Candidate] = []
        for index, item in enumerate(message.candidates):
            try:
                candidate = self._candidate(item, seen)
            except RequestInvalidError as error:
                # Every sentence begins with its field, which is told from the item on.
                refused = ItemError(error.reason, f"candidates[{index}].{error}")
                candidate = Candidate(item_id=item.item_id, title="", error=refused)
            seen.add(candidate.item_id)
            candidates.append(candidate)
        return tuple(candidates)

    def _candidate(self, item: prediction_pb2.Candidate, seen: set[str]) -> Candidate:
        limits = self._limits
        item_id, title, version, given = (
            item.item_id,
            item.title,
            item.item_version,
            item.features,
        )
        if (
            not item_id
            or item_id in seen
            or len(item_id) > limits.id_characters
            or len(version) > limits.id_characters
            or len(title) > limits.title_characters
        ):
            self._refuse(item, seen)
        prior = item.prior_score if item.HasField("prior_score") else None
        if prior is not None and not 0.0 <= prior <= 1.0:  # NaN too
            raise violations.prior_out_of_range("prior_score")
        features = self._features(given, self._item_place) if len(given) else _NO_FEATURES
        bare = not title and not features
        if bare and not self._by_id:
            raise violations.no_feature_store("title")
        return _make_candidate(
            (
                item_id,
                title,
                version,
                features,
                prior,
                item.rank or None,  # ranks count from 1, so 0 says nothing
                None,
                _BARE if bare else (),
            )
        )

    def _refuse(self, item: prediction_pb2.Candidate, seen: set[str]) -> NoReturn:
        """Say what is wrong with an item's texts; apart, so that a good item costs one test."""
        limits = self._limits
        if not item.item_id:
            raise violations.empty_item_id("item_id")
        _check_id("item_id", item.item_id, limits)
        if item.item_id in seen:
            raise violations.duplicate_item_id("item_id")
        _check_id("item_version", item.item_version, limits)
        raise violations.text_too_long("title", limits.title_characters, len(item.title))

    def _features(
        self, features: Mapping[str, prediction_pb2.FeatureValue], place: _Place
    ) -> Mapping[str, FeatureValue]:
        size = len(features)
        if not size:
            return _NO_FEATURES
        if size > self._limits.features:
            raise violations.too_many_features(place.path, self._limits.features, size)
        decoded: dict[str, FeatureValue] = {}
        for name in features:  # not items(), which is Python where this is C
            plain = self._value(features[name], place, name)
            if plain is not None:
                decoded[name] = plain
        return decoded

    def _value(
        self, value: prediction_pb2.FeatureValue, place: _Place, name: str
    ) -> FeatureValue | None:
        kind = value.WhichOneof("value")
        if kind == "number":
            number = value.number
            if not math.isfinite(number):
                raise violations.not_finite(place.of(name))
            return number
        if kind == "text":
            return self._text(value.text, place, name)
        if kind == "integer":
            return value.integer
        if kind is None:
            return None
        texts = value.texts.values
        limit = self._limits.feature_values
        if len(texts) > limit:
            raise violations.too_many_features(place.of(name), limit, len(texts))
        return tuple(self._text(text, place, name) for text in texts)

    def _text(self, text: str, place: _Place, name: str) -> str:
        limit = self._limits.feature_characters
        if len(text) > limit:
            raise violations.text_too_long(place.of(name), limit, len(text))
        return text


class _Place(NamedTuple):
    """Where a map of features stands, so that a path is only built for an error."""

    path: str
    known: AbstractSet[str]

    def of(self, name: str) -> str:
        """Return a feature's path; an unknown name is the caller's text, so it is not repeated."""
        return f"{self.path}[{name}]" if name in self.known else self.path


def _check_id(field: str, value: str, limits: Limits) -> None:
    if len(value) > limits.id_characters:
        raise violations.id_too_long(field, limits.id_characters, len(value))


def _priority(value: prediction_pb2.Priority.ValueType) -> Priority:
    # A value that this release does not know counts as unspecified, as proto3 asks of enums.
    return Priority.BULK if value == prediction_pb2.PRIORITY_BULK else Priority.INTERACTIVE
