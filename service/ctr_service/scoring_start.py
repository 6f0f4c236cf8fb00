"""Everything behind a warm backend, started: stores, caches, batcher, predictor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_service.batcher.observer import NullObserver
from ctr_service.scoring import build_scoring
from ctr_service.stores import NullStoresObserver, open_stores

if TYPE_CHECKING:
    import contextlib
    import random
    from collections.abc import Sequence

    from ctr_service.backend.base import Backend, Cost
    from ctr_service.batcher.observer import BatchObserver
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.clock import Clock
    from ctr_service.plan import ServingPlan
    from ctr_service.scoring import Scoring
    from ctr_service.settings import Settings
    from ctr_service.stores import Stores, StoresObserver


@dataclass(frozen=True, slots=True)
class Observers:
    """Who hears of batches, and who of stores; by default nobody does."""

    batches: BatchObserver = field(default_factory=NullObserver)
    stores: StoresObserver = field(default_factory=NullStoresObserver)


async def start_scoring(  # noqa: PLR0913 -- collaborators arrive by argument
    stack: contextlib.AsyncExitStack,
    *,
    settings: Settings,
    bundle: Bundle,
    plan: ServingPlan,
    backend: Backend,
    costs: Sequence[Cost],
    observers: Observers,
    clock: Clock,
    rng: random.Random,
) -> tuple[Scoring, Stores]:
    """Open the stores, build what scores, and start its batcher.

    Args:
        stack: stops the batcher, then closes the stores; the backend stays the caller's.
        settings: all of them.
        bundle: what is served.
        plan: what of it.
        backend: warmed up.
        costs: what its batches cost.
        observers: hear of everything.
        clock: deadlines are absolute on it.
        rng: draws jitter.

    Raises:
        SettingsError: Redis's URL or a file of its TLS is wrong, or the store's folder is not
            there.
        BundleError: the tokenizer cannot be read.
    """
    stores = await stack.enter_async_context(
        open_stores(
            settings,
            bundle.manifest.features,
            clock=clock,
            random=rng.random,
            observer=observers.stores,
        )
    )
    scoring = build_scoring(
        settings=settings,
        bundle=bundle,
        plan=plan,
        backend=backend,
        costs=costs,
        observer=observers.batches,
        clock=clock,
        rng=rng,
        stores=stores,
    )
    await scoring.batcher.start()
    stack.push_async_callback(scoring.batcher.close)
    return scoring, stores
