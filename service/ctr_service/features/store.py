"""The contract of a store of titles and features by id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_service.bundle.features import Entity
    from ctr_service.types import FeatureValue


@dataclass(frozen=True, slots=True)
class StoredEntity:
    """What is kept of one item or user.

    Attributes:
        title: of an item; None when there is none.
        version: the item's own version, "" when it has none.
        features: by name, without the entity's prefix.
    """

    title: str | None = None
    version: str = ""
    features: Mapping[str, FeatureValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a store said.

    Attributes:
        found: id -> what is kept; None says that the store has no such id.
        unanswered: ids of which nothing is known: too late, or the store failed.
        version: of the data that was read; "" when unknown.
    """

    found: Mapping[str, StoredEntity | None]
    unanswered: tuple[str, ...] = ()
    version: str = ""


class FeatureStore(Protocol):
    """A store. It may be slow or gone, and never fails a request."""

    async def fetch(self, entity: Entity, ids: Sequence[str], *, deadline_ns: int) -> Fetched:
        """Return what is known of each id; raises nothing but CancelledError.

        Args:
            entity: ITEM or USER.
            ids: distinct.
            deadline_ns: absolute on the injected clock; it returns by then.
        """
        ...

    async def close(self) -> None:
        """Free what it holds. May be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class FetchReport:
    """Where the answers to one fetch came from, in ids.

    Attributes:
        cached: known in process, also that there is no such id.
        stored: answered by the store in time.
        stale: past their time to live, used because the store did not answer.
        late: without an answer.
        absent: of the answered ones, those that there are none of.
    """

    cached: int
    stored: int
    stale: int
    late: int
    absent: int


class FeatureObserver(Protocol):
    """Receives what happens. Called on the event loop: returns at once and does not raise."""

    def features_fetched(self, entity: Entity, report: FetchReport) -> None:
        """Ids were asked for."""
        ...

    def feature_cache_changed(self, *, size_bytes: int, entries: int) -> None:
        """The cache in process changed; for gauges."""
        ...


class NullFeatureObserver:
    """Hears everything and keeps nothing."""

    def features_fetched(self, entity: Entity, report: FetchReport) -> None:
        """Ignore it."""

    def feature_cache_changed(self, *, size_bytes: int, entries: int) -> None:
        """Ignore it."""
