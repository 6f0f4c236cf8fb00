"""Wire -> domain: raw bytes become a SearchRequest, and every limit of the contract is enforced.

A broken request raises; a broken item becomes a Candidate with an `error` (`items.py`), so that its
neighbours are still scored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError

from ctr.v1 import prediction_pb2
from ctr_service.bundle.features import Entity
from ctr_service.limits import WIRE_LIMITS, Limits
from ctr_service.server import violations
from ctr_service.server.feature_values import Place, decode_features
from ctr_service.server.items import ItemDecoder
from ctr_service.types import Priority, SearchRequest

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from ctr_service.bundle.template import Renderer
    from ctr_service.server.envelope import Envelope
    from ctr_service.server.item_cache import ItemCache
    from ctr_service.types import Candidate

_MessageT = TypeVar("_MessageT", bound="Message")


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
    violations.check_id("model.name", model.name, limits)
    violations.check_id("model.version", model.version, limits)


class Decoder:
    """Decodes requests for one model."""

    def __init__(
        self,
        renderer: Renderer,
        limits: Limits = WIRE_LIMITS,
        *,
        items: ItemCache | None = None,
        by_id: bool = False,
    ) -> None:
        """Take the parts.

        Args:
            renderer: of the model; the names of its features alone may be repeated in errors.
            limits: of the contract.
            items: keeps good candidates; None keeps none.
            by_id: let items through that bring nothing but an id; else they are invalid.
        """
        self._limits = limits
        self._items = ItemDecoder(renderer, limits, items, by_id=by_id)
        self._user_place = Place("user.features", renderer.known(Entity.USER))
        self._context_place = Place("context_features", renderer.known(Entity.CONTEXT))

    def decode(self, message: Envelope, *, request_id: str, deadline_ns: int) -> SearchRequest:
        """Turn a message into a search to score.

        Args:
            message: the parsed request.
            request_id: the caller's, or the one made for it.
            deadline_ns: absolute on the injected clock.

        Raises:
            RequestInvalidError: the request as a whole breaks a limit.
        """
        limits = self._limits
        violations.check_id("request_id", message.request_id, limits)
        if len(message.query) > limits.query_characters:
            raise violations.text_too_long("query", limits.query_characters, len(message.query))
        user, items = message.user, message.candidates
        violations.check_id("user.user_id", user.user_id, limits)
        check_model_ref(message.model, limits)
        if not items:
            raise violations.no_candidates()
        if len(items) > limits.candidates:
            raise violations.too_many_candidates(limits.candidates, len(items))
        return SearchRequest(
            request_id=request_id,
            query=message.query,
            candidates=self._candidates(message),
            deadline_ns=deadline_ns,
            user_id=user.user_id,
            user_features=decode_features(user.features, self._user_place, limits),
            context_features=decode_features(message.context_features, self._context_place, limits),
            priority=_priority(message.priority),
        )

    def _candidates(self, message: Envelope) -> tuple[Candidate, ...]:
        try:
            return self._items.decode(message)
        except DecodeError:
            raise violations.malformed(message.ByteSize()) from None


def _priority(value: prediction_pb2.Priority.ValueType) -> Priority:
    # A value that this release does not know counts as unspecified, as proto3 asks of enums.
    return Priority.BULK if value == prediction_pb2.PRIORITY_BULK else Priority.INTERACTIVE
