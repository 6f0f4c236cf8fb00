"""The part of the composition that keeps things: Redis, if any, and the feature store, if any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ctr_service.breaker import Breaker, BreakerPolicy
from ctr_service.clock import SystemClock
from ctr_service.errors import SettingsError
from ctr_service.features.cache import CachePolicy as EntityCachePolicy
from ctr_service.features.cache import EntityCache
from ctr_service.features.fitting import Fitting
from ctr_service.features.layout import LAYER as FEATURES
from ctr_service.features.local_store import LocalStore
from ctr_service.features.redis_store import RedisStore
from ctr_service.features.stage import FeatureStage, MissingItem
from ctr_service.features.store import FeatureObserver, NullFeatureObserver
from ctr_service.features.tiered import TieredPolicy, TieredStore
from ctr_service.limits import NS_PER_S
from ctr_service.remote.base import NullRemoteObserver, RemoteObserver
from ctr_service.remote.cache import CacheHub, CachePolicy
from ctr_service.remote.joined import JoinedReads
from ctr_service.remote.redis_open import LinkLimits, open_link
from ctr_service.remote.redis_url import TlsFiles, parse_redis_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from ctr_service.bundle.features import FeatureSchema
    from ctr_service.clock import Clock
    from ctr_service.features.store import FeatureStore
    from ctr_service.remote.base import RemoteCache
    from ctr_service.remote.link import RemoteLink
    from ctr_service.settings import Settings

TOKENS, SCORES = "tokens", "scores"


class StoresObserver(RemoteObserver, FeatureObserver, Protocol):
    """Hears of both."""


class NullStoresObserver(NullRemoteObserver, NullFeatureObserver):
    """Hears everything and keeps nothing."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What there is of it; None where a setting leaves it out. Nothing is connected yet.

    Attributes:
        hub: the connection to Redis that the layers share.
        tokens, scores: the layers in Redis behind the caches in process.
        stage: fills in what comes by id.
    """

    hub: CacheHub | None
    tokens: RemoteCache | None
    scores: RemoteCache | None
    stage: FeatureStage | None

    async def close(self) -> None:
        """Close the stage and the layers, then the hub. May be called twice."""
        for part in (self.stage, self.tokens, self.scores):
            if part is not None:
                await part.close()
        if self.hub is not None:
            await self.hub.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def open_stores(
    settings: Settings,
    schema: FeatureSchema,
    *,
    clock: Clock,
    random: Callable[[], float],
    observer: StoresObserver,
) -> Stores:
    """Build what the settings ask for; Redis may be down.

    Args:
        settings: all of them.
        schema: what the served model knows.
        clock: deadlines are absolute on it.
        random: numbers in [0, 1), for jitter.
        observer: hears of everything.

    Raises:
        SettingsError: the URL or a TLS file is wrong, or the store's folder is not there.
    """
    hub = None
    if settings.redis_url is not None:
        hub = _open_hub(settings, clock=clock, random=random, observer=observer)
    store = _open_store(settings, hub, clock)
    stage = None
    if store is not None:
        tiered = TieredStore(
            store,
            EntityCache(_cache_policy(settings), random),
            fitting=Fitting(schema),
            policy=_tiered_policy(settings),
            clock=clock,
            observer=observer,
        )
        stage = FeatureStage(
            tiered,
            clock=clock,
            budget_ns=round(settings.feature_budget_s * NS_PER_S),
            missing=MissingItem(settings.missing_item),
        )
    return Stores(
        hub=hub,
        tokens=_layer(hub, TOKENS, clock) if settings.redis_tokens else None,
        scores=_layer(hub, SCORES, clock) if settings.redis_scores else None,
        stage=stage,
    )


def open_redis(settings: Settings) -> RemoteLink:
    """Build the link alone, for commands.

    Raises:
        SettingsError: there is no URL, or it or a TLS file is wrong.
    """
    if settings.redis_url is None:
        raise SettingsError("--redis-url (or CTR_REDIS_URL) is required for this")
    return open_link(
        parse_redis_url(settings.redis_url.get_secret_value()),
        TlsFiles(settings.redis_ca_file, settings.redis_cert_file, settings.redis_key_file),
        LinkLimits(max_connections=settings.redis_connections),
    )


def open_raw_store(
    settings: Settings, *, deadline_s: float
) -> tuple[FeatureStore | None, CacheHub | None]:
    """Build the store without a cache before it, for commands; the caller closes both.

    Raises:
        SettingsError: the URL or a TLS file is wrong, or the store's folder is not there.
    """
    patient = settings.model_copy(update={"redis_deadline_s": deadline_s})
    clock = SystemClock()
    hub = None
    if settings.redis_features:
        # Jitter is for crowds; a command is alone.
        hub = _open_hub(patient, clock=clock, random=float, observer=NullRemoteObserver())
    return _open_store(patient, hub, clock), hub


async def describe_stores(settings: Settings, stores: Stores) -> dict[str, object]:
    """Say what is configured and whether Redis answers, for `check`."""
    found: dict[str, object] = {}
    if stores.hub is not None:
        layers = {
            TOKENS: settings.redis_tokens,
            SCORES: settings.redis_scores,
            FEATURES: settings.redis_features,
        }
        found["redis_layers"] = [name for name, on in layers.items() if on]
        failure = await stores.hub.check()
        found["redis"] = "answers" if failure is None else f"does not answer ({failure.value})"
    if settings.has_feature_store:
        found["feature_store"] = str(settings.feature_store or "redis")
        found["missing_item"] = settings.missing_item
    return found


def _open_hub(
    settings: Settings, *, clock: Clock, random: Callable[[], float], observer: RemoteObserver
) -> CacheHub:
    policy = BreakerPolicy()
    return CacheHub(
        open_redis(settings),
        policy=CachePolicy(
            namespace=settings.redis_namespace, deadline_s=settings.redis_deadline_s
        ),
        read_breaker=Breaker(policy, random),
        write_breaker=Breaker(policy, random),
        clock=clock,
        random=random,
        observer=observer,
    )


def _open_store(settings: Settings, hub: CacheHub | None, clock: Clock) -> FeatureStore | None:
    if hub is not None and settings.redis_features:
        return RedisStore(hub.layer(FEATURES))
    folder = settings.feature_store
    if folder is None:
        return None
    if not folder.is_dir():
        raise SettingsError(
            f"--feature-store: {folder} is no folder; fill it with `ctr-service features load`"
        )
    return LocalStore(folder, clock)


def _layer(hub: CacheHub | None, name: str, clock: Clock) -> RemoteCache | None:
    return None if hub is None else JoinedReads(hub.layer(name), clock)


def _tiered_policy(settings: Settings) -> TieredPolicy:
    policy = TieredPolicy(hit_rate=settings.feature_hit_rate)
    # A load must outlast Redis's own limit: one that is cut off before says nothing about Redis.
    least_ns = round(2 * settings.redis_deadline_s * NS_PER_S)
    return replace(policy, flight_ns=max(policy.flight_ns, least_ns))


def _cache_policy(settings: Settings) -> EntityCachePolicy:
    return EntityCachePolicy(
        max_bytes=settings.feature_cache_bytes,
        ttl_ns=round(settings.feature_ttl_s * NS_PER_S),
        negative_ttl_ns=round(settings.feature_negative_ttl_s * NS_PER_S),
        jitter=settings.feature_ttl_jitter,
    )
