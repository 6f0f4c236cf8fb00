"""Wire -> domain: a candidate's bytes become a Candidate, and the good ones are kept.

Search sends the same items again and again: each page of a query's list, each time the query comes.
What an item's bytes mean depends on nothing else, so it is decoded and rendered once, and found by
its bytes from then on. What is wrong with an item is told anew each time, by its place in the list.
"""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, NoReturn

from ctr_service.bundle.features import Entity
from ctr_service.errors import RequestInvalidError
from ctr_service.server import violations
from ctr_service.server.envelope import opened
from ctr_service.server.feature_values import NO_FEATURES, Place, decode_features
from ctr_service.types import Candidate, ItemError, maker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr.v1 import prediction_pb2
    from ctr_service.bundle.template import Renderer
    from ctr_service.limits import Limits
    from ctr_service.server.envelope import Envelope
    from ctr_service.server.item_cache import ItemCache
    from ctr_service.types import FeatureValue, RenderedItem

_make_candidate = maker(Candidate)
_ITEM_ID = itemgetter(Candidate._fields.index("item_id"))
_BARE = ("item.title",)
"""What is defaulted of an item that brings nothing but its id, unless a feature store knows it."""


class ItemDecoder:
    """Decodes the candidates of a request, each by itself."""

    def __init__(
        self, renderer: Renderer, limits: Limits, cache: ItemCache | None, *, by_id: bool
    ) -> None:
        """Take the parts.

        Args:
            renderer: of the model; renders an item once for all requests that bring it.
            limits: of the contract.
            cache: keeps good candidates; None keeps none.
            by_id: let items through that bring nothing but an id; else they are invalid.
        """
        self._renderer = renderer
        self._limits = limits
        self._cache = cache
        self._by_id = by_id
        self._place = Place("features", renderer.known(Entity.ITEM))

    def decode(self, message: Envelope) -> tuple[Candidate, ...]:
        """Return one candidate an item; a broken one has an `error`.

        Raises:
            DecodeError: an item is no candidate message.
        """
        cache = self._cache
        if cache is None or not cache.is_asked():
            return self._one_by_one(message, {}, None)
        try:
            found = cache.get_young(message.candidates)
        except KeyError:
            known, _ = cache.get_many(message.candidates)
            cache.learn()
            return self._one_by_one(message, known, cache)
        cache.learn()
        if len(set(map(_ITEM_ID, found))) < len(found):
            return self._one_by_one(message, {}, None)  # an id stands twice
        return tuple(found)

    def _one_by_one(
        self, message: Envelope, known: Mapping[bytes, Candidate], cache: ItemCache | None
    ) -> tuple[Candidate, ...]:
        # All at once: a message parsed by itself costs more than its fields.
        items = opened(message).candidates
        seen: set[str] = set()
        candidates: list[Candidate] = []
        raws = repeat(b"") if cache is None else message.candidates
        for index, (raw, item) in enumerate(zip(raws, items, strict=False)):
            candidate = known.get(raw)
            if candidate is None or candidate.item_id in seen:
                try:
                    candidate = self._candidate(item, seen)
                except RequestInvalidError as error:
                    # Every sentence begins with its field, which is told from the item on.
                    refused = ItemError(error.reason, f"candidates[{index}].{error}")
                    candidate = Candidate(item_id=item.item_id, title="", error=refused)
                else:
                    if cache is not None:
                        cache.put(raw, candidate)
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
        features = decode_features(given, self._place, limits) if len(given) else NO_FEATURES
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
                self._rendered(features),
            )
        )

    def _refuse(self, item: prediction_pb2.Candidate, seen: set[str]) -> NoReturn:
        """Say what is wrong with an item's texts; apart, so that a good item costs one test."""
        limits = self._limits
        if not item.item_id:
            raise violations.empty_item_id("item_id")
        violations.check_id("item_id", item.item_id, limits)
        if item.item_id in seen:
            raise violations.duplicate_item_id("item_id")
        violations.check_id("item_version", item.item_version, limits)
        raise violations.text_too_long("title", limits.title_characters, len(item.title))

    def _rendered(self, features: Mapping[str, FeatureValue]) -> RenderedItem | None:
        try:
            return self._renderer.item_features(features)
        except RequestInvalidError:
            return None  # a feature of the wrong type: whoever renders the search says so
