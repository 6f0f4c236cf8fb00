"""A scripted feature store, and a tiered store in front of it on a manual clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ctr_service.clock import ManualClock
from ctr_service.features.cache import CachePolicy, EntityCache
from ctr_service.features.fitting import Fitting
from ctr_service.features.store import Fetched, FetchReport, StoredEntity
from ctr_service.features.tiered import TieredPolicy, TieredStore
from ctr_service.limits import NS_PER_S
from tests.support.tiny_bundle import TINY_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.bundle.features import Entity


class ScriptedStore:
    """Answers what it holds, when it is let. Implements FeatureStore."""

    def __init__(self) -> None:
        self.held: dict[str, StoredEntity] = {}
        self.version = "1"
        self.down = False
        self.asked: list[tuple[str, ...]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, entity: Entity, ids: Sequence[str], *, deadline_ns: int) -> Fetched:
        """Wait for the gate, then answer."""
        assert entity
        assert deadline_ns
        self.asked.append(tuple(ids))
        await self.gate.wait()
        if self.down:
            return Fetched({}, tuple(ids))
        return Fetched({id_: self.held.get(id_) for id_ in ids}, (), self.version)

    async def close(self) -> None:
        """Hold nothing."""


class FeatureWorld:
    """A tiered store, and what it told. Implements FeatureObserver."""

    def __init__(
        self, *, cache: CachePolicy | None = None, tiered: TieredPolicy | None = None
    ) -> None:
        self.clock = ManualClock(NS_PER_S)
        self.store = ScriptedStore()
        self.reports: list[FetchReport] = []
        self.cache = EntityCache(cache or CachePolicy(jitter=0), lambda: 0.5)
        self.tiered = TieredStore(
            self.store,
            self.cache,
            fitting=Fitting(TINY_SCHEMA),
            policy=tiered or TieredPolicy(),
            clock=self.clock,
            observer=self,
        )

    def hold(self, *ids: str) -> None:
        """Let the store hold items whose title tells their id."""
        self.store.held |= {id_: StoredEntity(f"title {id_}", "v", {"price": 3.0}) for id_ in ids}

    async def fetch(self, entity: Entity, *ids: str, within_s: float = 5.0) -> Fetched:
        """Fetch within a time."""
        deadline_ns = self.clock.now_ns() + round(within_s * NS_PER_S)
        return await self.tiered.fetch(entity, ids, deadline_ns=deadline_ns)

    def features_fetched(self, entity: Entity, report: FetchReport) -> None:
        """Keep it."""
        assert entity
        self.reports.append(report)

    def feature_cache_changed(self, *, size_bytes: int, entries: int) -> None:
        """Check it."""
        assert (size_bytes > 0) == (entries > 0)


async def settled() -> None:
    """Let tasks that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)
