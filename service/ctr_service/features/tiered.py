"""A cache in process before a store that may be slow: what is missing is fetched once, for all.

The rule of NVIDIA's hierarchical parameter server (HPS): when most ids of a request are at hand, or
time is short, go on with defaults for the rest now and load them behind; else wait, until the
deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.bundle.features import Entity
from ctr_service.features.store import Fetched, FetchReport, StoredEntity
from ctr_service.limits import NS_PER_S
from ctr_service.single_flight import SingleFlight, answers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_service.clock import Clock
    from ctr_service.features.cache import EntityCache
    from ctr_service.features.fitting import Fitting
    from ctr_service.features.store import FeatureObserver, FeatureStore

    _Loaded = Mapping[str, StoredEntity | None]


@dataclass(frozen=True, slots=True)
class TieredPolicy:
    """When to wait.

    Attributes:
        hit_rate: with this share of a request's ids in process, the rest is not waited for; 1 waits
            whenever one is missing.
        min_wait_ns: with less time than this, nothing is waited for.
        flight_ns: how long a load may take, for the requests to come.
        max_flying: ids being loaded at once.
    """

    hit_rate: float = 0.9
    min_wait_ns: int = NS_PER_S // 2_000
    flight_ns: int = NS_PER_S // 20
    max_flying: int = 20_000


class TieredStore:
    """The cache, then the store. Implements FeatureStore."""

    def __init__(  # noqa: PLR0913 -- built once, in app.py; every argument is named there
        self,
        store: FeatureStore,
        cache: EntityCache,
        *,
        fitting: Fitting,
        policy: TieredPolicy,
        clock: Clock,
        observer: FeatureObserver,
    ) -> None:
        """Take the store, which it closes in the end, and the cache.

        Args:
            store: asked for what the cache has not.
            cache: in process.
            fitting: cuts what the store says to what the model knows.
            policy: when to wait.
            clock: deadlines are absolute on it.
            observer: hears of every fetch.
        """
        self._store = store
        self._cache = cache
        self._fitting = fitting
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._versions: dict[Entity, str] = {}
        self._flights = {
            entity: SingleFlight[str, StoredEntity | None](
                _Loader(self, entity).load, max_keys=policy.max_flying
            )
            for entity in (Entity.ITEM, Entity.USER)
        }

    async def fetch(self, entity: Entity, ids: Sequence[str], *, deadline_ns: int) -> Fetched:
        """Return what is at hand, and what the store says in time."""
        now_ns = self._clock.now_ns()
        cache, flights = self._cache, self._flights[entity]
        found: dict[str, StoredEntity | None] = {}
        stale: dict[str, StoredEntity] = {}
        missing: list[str] = []
        due: list[str] = []
        for id_ in ids:
            entry = cache.get(entity, id_)
            if entry is None or now_ns >= entry.expires_at_ns:
                missing.append(id_)
                if entry is not None and entry.value is not None:
                    stale[id_] = entry.value
                continue
            found[id_] = entry.value
            if cache.is_due(entry, now_ns):
                due.append(id_)
        if due:
            flights.start(due)
        cached = len(found)
        if missing:
            tasks = flights.start(missing)
            if tasks and self._worth_waiting(cached / len(ids), deadline_ns - now_ns):
                left_s = (deadline_ns - now_ns) / NS_PER_S
                found |= await answers(tasks, missing, timeout_s=left_s)
        return self._fetched(entity, ids, found, stale, cached)

    async def close(self) -> None:
        """End the loads, then the store."""
        for flight in self._flights.values():
            await flight.close()
        await self._store.close()

    async def load(self, entity: Entity, ids: Sequence[str]) -> _Loaded:
        """Ask the store, keep what it says, and return it."""
        deadline_ns = self._clock.now_ns() + self._policy.flight_ns
        fetched = await self._store.fetch(entity, ids, deadline_ns=deadline_ns)
        if fetched.version and fetched.version != self._versions.get(entity):
            self._versions[entity] = fetched.version
            self._cache.new_data()
        now_ns = self._clock.now_ns()
        fitted = {
            id_: None if stored is None else self._fitting.fit(entity, stored)
            for id_, stored in fetched.found.items()
        }
        for id_, stored in fitted.items():
            self._cache.put(entity, id_, stored, now_ns)
        self._observer.feature_cache_changed(
            size_bytes=self._cache.size_bytes, entries=len(self._cache)
        )
        return fitted

    def _worth_waiting(self, hit_rate: float, left_ns: int) -> bool:
        return hit_rate < self._policy.hit_rate and left_ns >= self._policy.min_wait_ns

    def _fetched(
        self,
        entity: Entity,
        ids: Sequence[str],
        found: dict[str, StoredEntity | None],
        stale: Mapping[str, StoredEntity],
        cached: int,
    ) -> Fetched:
        answered = len(found)
        for id_, stored in stale.items():
            found.setdefault(id_, stored)
        unanswered = tuple(id_ for id_ in ids if id_ not in found)
        report = FetchReport(
            cached=cached,
            stored=answered - cached,
            stale=len(found) - answered,
            late=len(unanswered),
            absent=sum(1 for stored in found.values() if stored is None),
        )
        self._observer.features_fetched(entity, report)
        return Fetched(found, unanswered, self._versions.get(entity, ""))


@dataclass(frozen=True, slots=True)
class _Loader:
    """Binds a store's entity to what a flight calls."""

    tiered: TieredStore
    entity: Entity

    async def load(self, ids: Sequence[str]) -> _Loaded:
        return await self.tiered.load(self.entity, ids)
