"""A search whose items or user come by id alone gets their titles and features from the store."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from typing import TYPE_CHECKING

from ctr_service.bundle.features import Entity
from ctr_service.errors import Reason
from ctr_service.features.store import Fetched
from ctr_service.types import Candidate, ItemError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_service.clock import Clock
    from ctr_service.features.store import FeatureStore, StoredEntity
    from ctr_service.types import SearchRequest

TITLE = "item.title"
"""What `defaulted_features` calls a title that the store did not give."""
_NONE: Fetched = Fetched({})


class MissingItem(enum.Enum):
    """What becomes of an id that the store does not have."""

    DEFAULT = "default"
    INVALID = "invalid"


class FeatureStage:
    """The first step of a search, when a store is configured."""

    def __init__(
        self, store: FeatureStore, *, clock: Clock, budget_ns: int, missing: MissingItem
    ) -> None:
        """Take the store, which it closes in the end.

        Args:
            store: asked for a search's ids, once each.
            clock: deadlines are absolute on it.
            budget_ns: how long a search may wait for the store.
            missing: for an id that the store does not have. One that it did not answer in time
                always scores with defaults.
        """
        self._store = store
        self._clock = clock
        self._budget_ns = budget_ns
        self._missing = missing

    async def enrich(self, request: SearchRequest, *, deadline_ns: int) -> SearchRequest:
        """Fill in candidates without a title, and a user without features.

        What the request brings wins over what is stored. A search that brings everything comes back
        as it is, at the cost of looking at its candidates.

        Args:
            request: validated at the edge.
            deadline_ns: absolute; the stage's own budget applies too.
        """
        wanted = [c.item_id for c in request.candidates if not c.title and c.error is None]
        user = bool(request.user_id) and not request.user_features
        if not wanted and not user:
            return request
        until_ns = min(deadline_ns, self._clock.now_ns() + self._budget_ns)
        items, users = await self._fetch(wanted, [request.user_id] if user else [], until_ns)
        stored_user = users.found.get(request.user_id)
        changes: dict[str, object] = {}
        if wanted:
            changes["candidates"] = self._candidates(request.candidates, items.found)
        if stored_user is not None:
            changes["user_features"] = stored_user.features
        return dataclasses.replace(request, **changes) if changes else request  # type: ignore[arg-type]  # -- two fields of two types in one mapping

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    async def _fetch(
        self, items: Sequence[str], users: Sequence[str], deadline_ns: int
    ) -> tuple[Fetched, Fetched]:
        fetch = self._store.fetch
        if not users:
            return await fetch(Entity.ITEM, items, deadline_ns=deadline_ns), _NONE
        if not items:
            return _NONE, await fetch(Entity.USER, users, deadline_ns=deadline_ns)
        both = await asyncio.gather(
            fetch(Entity.ITEM, items, deadline_ns=deadline_ns),
            fetch(Entity.USER, users, deadline_ns=deadline_ns),
        )
        return both[0], both[1]

    def _candidates(
        self, candidates: Sequence[Candidate], found: Mapping[str, StoredEntity | None]
    ) -> tuple[Candidate, ...]:
        return tuple(
            candidate
            if candidate.title or candidate.error is not None
            else self._filled(index, candidate, found)
            for index, candidate in enumerate(candidates)
        )

    def _filled(
        self, index: int, candidate: Candidate, found: Mapping[str, StoredEntity | None]
    ) -> Candidate:
        item_id = candidate.item_id
        stored = found.get(item_id)
        error: ItemError | None = None
        if stored is None:
            absent = item_id in found and not candidate.features
            if absent and self._missing is MissingItem.INVALID:
                error = ItemError(
                    Reason.ITEM_NOT_FOUND,
                    f"candidates[{index}].item_id is not in the feature store; send its title, or "
                    "load it",
                )
            return Candidate(
                item_id,
                "",
                candidate.item_version,
                candidate.features,
                candidate.prior_score,
                candidate.rank,
                error,
                (TITLE,),
            )
        # Stored values are shared and immutable by convention: copied only when the request adds.
        features = stored.features
        if candidate.features:
            features = {**features, **candidate.features}
        return Candidate(
            item_id,
            stored.title or "",
            candidate.item_version or stored.version,
            features,
            candidate.prior_score,
            candidate.rank,
            None,
            () if stored.title else (TITLE,),
        )
