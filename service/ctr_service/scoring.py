"""The part of the composition that scores: tokenizer, batcher, predictor, around a warm backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.batcher.batcher import Batcher
from ctr_service.batcher.cost import CostModel
from ctr_service.bundle.template import Renderer
from ctr_service.bundle.tokens import RowBuilder, TokenCache, load_tokenizer
from ctr_service.limits import NS_PER_S
from ctr_service.plan import ServingPlan, Wishes, make_plan
from ctr_service.predictor import Predictor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeAlias

    from ctr_service.backend.base import Backend, Cost
    from ctr_service.batcher.observer import BatchObserver
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.clock import Clock
    from ctr_service.settings import Settings

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
    cache: TokenCache


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
) -> Scoring:
    """Build batcher and predictor for a backend whose costs are known.

    Raises:
        BundleError: the tokenizer cannot be read.
    """
    manifest, template = bundle.manifest, bundle.manifest.template
    cache = TokenCache(settings.token_cache_bytes)
    batcher = Batcher(
        backend,
        graph=plan.graph,
        buckets_tokens=plan.layout.buckets_tokens,
        max_batch_tokens=plan.layout.max_batch_tokens,
        pad_id=template.pad_id,
        clock=clock,
        cost=CostModel(costs),
        max_queued_tokens=settings.max_queued_tokens,
        observer=observer,
    )
    predictor = Predictor(
        renderer=Renderer(template, manifest.features),
        rows=RowBuilder(load_tokenizer(bundle.tokenizer_path), template, cache),
        batcher=batcher,
        calibration=plan.variant.calibration,
        base_rate=manifest.base_rate,
        clock=clock,
        reserve_ns=round(settings.reserve_s * NS_PER_S),
    )
    return Scoring(batcher, predictor, cache)
