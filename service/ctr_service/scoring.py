"""The part of the composition that scores: tokenizer, batcher, predictor, around a warm backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.batcher.batcher import Batcher
from ctr_service.batcher.cost import CostModel
from ctr_service.bundle.template import Renderer
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer
from ctr_service.limits import NS_PER_S
from ctr_service.plan import ServingPlan, Wishes, make_plan
from ctr_service.predictor import Predictor
from ctr_service.scores.cache import ScoreCache
from ctr_service.scores.remote import RemoteScores, RemoteTokens
from ctr_service.scores.scorer import Scorer

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeAlias

    from ctr_service.backend.base import Backend, Cost
    from ctr_service.batcher.observer import BatchObserver
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.clock import Clock
    from ctr_service.settings import Settings
    from ctr_service.stores import Stores

    WarmUp: TypeAlias = Callable[[], Awaitable[Sequence[Cost]]]


@dataclass(frozen=True, slots=True)
class Engine:
    """A loaded backend, and how to warm it up; warm-up returns what batches cost."""

    backend: Backend
    warm_up: WarmUp


@dataclass(frozen=True, slots=True)
class Scoring:
    """What scores. The batcher is not started."""

    batcher: Batcher
    predictor: Predictor
    scorer: Scorer
    token_cache: TokenCache
    score_cache: ScoreCache | None


def plan_of(settings: Settings, bundle: Bundle, cpus: int) -> ServingPlan:
    """Decide what of the bundle serves.

    Raises:
        SettingsError: the bundle has not what the settings ask for.
    """
    wishes = Wishes(settings.engine, settings.precision, settings.sessions, settings.threads)
    return make_plan(bundle.manifest, wishes, cpus)


def build_scoring(  # noqa: PLR0913 -- collaborators arrive by argument
    *,
    settings: Settings,
    bundle: Bundle,
    plan: ServingPlan,
    backend: Backend,
    costs: Sequence[Cost],
    observer: BatchObserver,
    clock: Clock,
    rng: random.Random,
    stores: Stores,
) -> Scoring:
    """Build batcher, caches and predictor for a backend whose costs are known.

    Raises:
        BundleError: the tokenizer cannot be read.
    """
    manifest, template = bundle.manifest, bundle.manifest.template
    token_cache = TokenCache(settings.token_cache_bytes)
    score_cache = _score_cache(settings, rng)
    batcher = Batcher(
        backend,
        graph=plan.graph,
        buckets_tokens=plan.layout.buckets_tokens,
        max_batch_tokens=plan.layout.max_batch_tokens,
        skips_padding=plan.variant.skips_padding,
        pad_id=template.pad_id,
        clock=clock,
        cost=CostModel(costs, skips_padding=plan.variant.skips_padding),
        max_queued_tokens=settings.max_queued_tokens,
        observer=observer,
    )
    scorer = Scorer(
        rows=RowBuilder(load_tokenizer(bundle.tokenizer_path), template, token_cache),
        batcher=batcher,
        cache=score_cache,
        clock=clock,
        remote=_remote_scores(settings, bundle, plan, stores),
        remote_tokens=_remote_tokens(settings, bundle, stores, token_cache, rng),
    )
    predictor = Predictor(
        renderer=Renderer(template, manifest.features),
        scorer=scorer,
        stage=stores.stage,
        calibration=plan.variant.calibration,
        base_rate=manifest.base_rate,
        clock=clock,
        reserve_ns=round(settings.reserve_s * NS_PER_S),
    )
    return Scoring(batcher, predictor, scorer, token_cache, score_cache)


def _score_cache(settings: Settings, rng: random.Random) -> ScoreCache | None:
    if not settings.score_cache_bytes:
        return None
    return ScoreCache(
        max_bytes=settings.score_cache_bytes,
        ttl_ns=round(settings.score_ttl_s * NS_PER_S),
        negative_ttl_ns=round(settings.score_negative_ttl_s * NS_PER_S),
        rng=rng,
    )


def _remote_scores(
    settings: Settings, bundle: Bundle, plan: ServingPlan, stores: Stores
) -> RemoteScores | None:
    if stores.scores is None:
        return None
    return RemoteScores(
        stores.scores,
        model_digest=f"{bundle.manifest_sha256}/{plan.graph_name}",
        ttl_s=settings.score_ttl_s,
    )


def _remote_tokens(
    settings: Settings, bundle: Bundle, stores: Stores, local: TokenCache, rng: random.Random
) -> RemoteTokens | None:
    if stores.tokens is None:
        return None
    longest = max(segment.max_tokens for segment in bundle.manifest.template.segments)
    return RemoteTokens(
        stores.tokens,
        local,
        tokenizer_digest=f"{bundle.manifest.tokenizer_sha256}/{longest}",
        ttl_s=settings.token_ttl_s,
        random=rng.random,
    )
