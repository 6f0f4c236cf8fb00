"""A rehearsal without a port: everything that `serve` builds, and one row through it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ctr_service.app import Outside, decide_plan
from ctr_service.backend.triton_observer import NullTritonObserver
from ctr_service.batcher.observer import NullObserver
from ctr_service.bundle.bundle import load_bundle
from ctr_service.cpus import share_of
from ctr_service.engine_order import EngineOrder
from ctr_service.errors import BackendFailedError
from ctr_service.limits import NS_PER_S
from ctr_service.scoring import build_scoring
from ctr_service.server.access import check_access
from ctr_service.stores import NullStoresObserver, describe_stores, open_stores
from ctr_service.types import Candidate, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_service.settings import Settings

NS_PER_MS = 1e6


async def check_gateway(settings: Settings, outside: Outside | None = None) -> Mapping[str, object]:
    """Check digests, load the engine, warm it up and score one row.

    Returns:
        What `serve` would serve, by name.

    Raises:
        SettingsError: a file of TLS or of tokens is wrong, or the bundle has not what the settings
            ask for.
        BundleError: the bundle is not what it should be.
        BackendFailedError: the model does not score.
    """
    outside = outside or Outside()
    check_access(settings)
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
    async with contextlib.AsyncExitStack() as stack:
        engine = outside.open_engine(order)
        stack.push_async_callback(engine.backend.close)
        costs = await engine.warm_up()
        stores = await stack.enter_async_context(
            open_stores(
                settings,
                bundle.manifest.features,
                clock=outside.clock,
                random=float,  # 0.0: jitter is for crowds
                observer=NullStoresObserver(),
            )
        )
        scoring = build_scoring(
            settings=settings,
            bundle=bundle,
            plan=plan,
            backend=engine.backend,
            costs=costs,
            observer=NullObserver(),
            clock=outside.clock,
            rng=outside.rng,
            stores=stores,
        )
        await scoring.batcher.start()
        stack.push_async_callback(scoring.batcher.close)
        described = await describe_stores(settings, stores)
        request = SearchRequest(
            request_id="check",
            query="check",
            candidates=(Candidate(item_id="check", title="check"),),
            deadline_ns=outside.clock.now_ns() + round(settings.max_deadline_s * NS_PER_S),
        )
        answer = await scoring.predictor.predict(request)
    probability = answer.predictions[0].click_probability
    if answer.degraded or probability is None:
        raise BackendFailedError("the model gave no score for a plain row")
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
        "sessions": plan.sessions or engine.backend.slots,
        "threads_a_session": plan.threads_a_session,
        "cpus": plan.cpus,
        **described,
        "pairs_per_second_when_exported": plan.variant.pairs_per_second,
        "probability_of_one_row": probability,
        "milliseconds_of_one_row": answer.timings.total_ns / NS_PER_MS,
    }
