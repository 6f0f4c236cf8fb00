"""A rehearsal without a port: everything that `serve` builds, and one row through it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.backend.triton_observer import NullTritonObserver
from ctr_service.bundle.bundle import load_bundle
from ctr_service.cpus import share_of
from ctr_service.engine_order import EngineOrder
from ctr_service.engines import decide_plan
from ctr_service.errors import BackendFailedError
from ctr_service.limits import NS_PER_S
from ctr_service.outside import Outside
from ctr_service.scoring_start import Observers, start_scoring
from ctr_service.server.access import check_access
from ctr_service.stores import describe_stores
from ctr_service.types import Candidate, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_service.bundle.bundle import Bundle
    from ctr_service.plan import ServingPlan
    from ctr_service.settings import Settings
    from ctr_service.settings.otel import OtelVariables
    from ctr_service.types import Answer

NS_PER_MS = 1e6


async def check_gateway(settings: Settings, outside: Outside | None = None) -> Mapping[str, object]:
    """Check digests, load the engine, warm it up and score one row.

    Returns:
        What `serve` would serve, by name.

    Raises:
        SettingsError: a file of TLS or of tokens or a variable OTEL_* is wrong, or the bundle has
            not what the settings ask for.
        BundleError: the bundle is not what it should be.
        BackendFailedError: the model does not score.
    """
    outside = outside or Outside()
    check_access(settings)
    otel = outside.otel()
    bundle = load_bundle(settings.bundle)
    cpus = share_of(outside.cpus(), settings.workers)
    plan = await decide_plan(settings, bundle, cpus, outside.sleep)
    order = EngineOrder(
        settings=settings,
        bundle=bundle,
        plan=plan,
        clock=outside.clock,
        sleep=outside.sleep,
        random=outside.rng.random,
        observer=NullTritonObserver(),
    )
    rehearsal = await _rehearse(order, outside)
    probability = rehearsal.answer.predictions[0].click_probability
    if rehearsal.answer.degraded or probability is None:
        raise BackendFailedError("the model gave no score for a plain row")
    return {
        **_what_serves(bundle, plan, rehearsal.slots),
        **rehearsal.stores,
        "spans": _what_becomes_of_spans(settings, otel),
        "pairs_per_second_when_exported": plan.variant.pairs_per_second,
        "probability_of_one_row": probability,
        "milliseconds_of_one_row": rehearsal.answer.timings.total_ns / NS_PER_MS,
    }


@dataclass(frozen=True, slots=True)
class _Rehearsal:
    """What one row came to, what was found of the stores by name, and batches at once."""

    answer: Answer
    stores: Mapping[str, object]
    slots: int


async def _rehearse(order: EngineOrder, outside: Outside) -> _Rehearsal:
    """Start everything but the server, score one row, and stop it all again."""
    async with contextlib.AsyncExitStack() as stack:
        engine = outside.open_engine(order)
        stack.push_async_callback(engine.backend.close)
        scoring, stores = await start_scoring(
            stack,
            settings=order.settings,
            bundle=order.bundle,
            plan=order.plan,
            backend=engine.backend,
            costs=await engine.warm_up(),
            observers=Observers(),
            clock=outside.clock,
            rng=outside.rng,
        )
        described = await describe_stores(order.settings, stores)
        request = SearchRequest(
            request_id="check",
            query="check",
            candidates=(Candidate(item_id="check", title="check"),),
            deadline_ns=outside.clock.now_ns() + round(order.settings.max_deadline_s * NS_PER_S),
        )
        answer = await scoring.predictor.predict(request)
        return _Rehearsal(answer, described, engine.backend.slots)


def _what_becomes_of_spans(settings: Settings, otel: OtelVariables) -> str:
    if not settings.tracing or otel.sdk_disabled:
        return "none"
    return "counted" if otel.protocol is None else f"counted, and sent by {otel.protocol}"


def _what_serves(bundle: Bundle, plan: ServingPlan, slots: int) -> dict[str, object]:
    manifest = bundle.manifest
    return {
        "bundle": str(bundle.folder),
        "model": manifest.model_name,
        "version": manifest.model_version,
        "graph": plan.graph_name,
        "manifest_sha256": bundle.manifest_sha256,
        "target": manifest.target,
        "features": [spec.qualified_name for spec in manifest.features.features],
        "max_row_tokens": manifest.template.max_row_tokens,
        "buckets_tokens": list(plan.layout.buckets_tokens),
        "max_batch_tokens": plan.layout.max_batch_tokens,
        "sessions": slots,
        "threads_a_session": plan.threads_a_session,
        "cpus": plan.cpus,
    }
