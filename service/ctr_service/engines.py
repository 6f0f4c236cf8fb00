"""Which engine the plan names, and how it is loaded. Composition alone imports this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.backend.base import LENGTHS, Cost
from ctr_service.backend.opening import sessions_opener
from ctr_service.backend.scripted import ScriptedBackend, lengths_as_logits
from ctr_service.backend.sessions import SessionsBackend
from ctr_service.errors import EngineUnavailableError
from ctr_service.plan import TIMED_ENGINE, ZERO_COST_ENGINE, fastest_precisions
from ctr_service.scoring import Engine, plan_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ctr_service.backend.scripted import ScriptedRun
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.engine_order import EngineOrder
    from ctr_service.plan import ServingPlan
    from ctr_service.settings import Settings


def open_in_process(order: EngineOrder) -> Engine:
    """Load the bundle's graph into the plan's engine, in this process. Blocks.

    Raises:
        EngineUnavailableError: this release or this machine cannot run the engine.
        BundleError: the graph cannot be loaded.
    """
    bundle, plan = order.bundle, order.plan
    layout, measured = plan.layout, plan.variant.costs
    try:
        backend = SessionsBackend(
            {plan.graph: bundle.path_of(plan.variant)},
            sessions_opener(plan.engine, plan.precision),
            sessions=plan.sessions,
            threads_a_session=plan.threads_a_session,
            clock=order.clock,
            costs=tuple(Cost(cost.bucket_tokens, cost.rows, cost.seconds) for cost in measured),
        )
    except EngineUnavailableError as error:
        raise EngineUnavailableError(f"{error}. {_instead(bundle, plan)}") from error
    return Engine(
        backend,
        lambda: backend.warm_up(plan.graph, layout.buckets_tokens, layout.max_batch_tokens),
    )


def open_zero_cost(order: EngineOrder) -> Engine:
    """Open the engine without a model, by which benches measure the gateway alone."""
    backend = ScriptedBackend(
        slots=order.plan.sessions, clock=order.clock, logits=lengths_as_logits
    )

    async def warm_up() -> tuple[Cost, ...]:
        return ()

    return Engine(backend, warm_up)


def open_timed(order: EngineOrder) -> Engine:
    """Open the engine whose runs take the time that the settings say, asleep.

    A run of n tokens takes `scripted_run_s + n * scripted_token_s`; padding counts where the
    bundle's graph computes it.
    """
    settings, plan = order.settings, order.plan

    def seconds(tokens: int) -> float:
        return settings.scripted_run_s + tokens * settings.scripted_token_s

    async def sleep(run: ScriptedRun) -> None:
        own = int(run.tensors[LENGTHS].sum()) if plan.variant.skips_padding else None
        await order.sleep(seconds(run.rows * run.bucket_tokens if own is None else own))

    async def warm_up() -> tuple[Cost, ...]:
        bucket = plan.layout.buckets_tokens[0]
        most = max(2, plan.layout.max_batch_tokens // bucket)
        return tuple(Cost(bucket, rows, seconds(rows * bucket)) for rows in (1, most))

    backend = ScriptedBackend(
        slots=plan.sessions, clock=order.clock, script=sleep, logits=lengths_as_logits
    )
    return Engine(backend, warm_up)


IN_PROCESS = {ZERO_COST_ENGINE: open_zero_cost, TIMED_ENGINE: open_timed}
"""Engine -> how it is opened; every other one runs the bundle's graph."""


def open_engine(order: EngineOrder) -> Engine:
    """Open the engine that the plan names; see `open_in_process`. Blocks."""
    if order.plan.triton_target is not None:
        # Its messages take 40 ms to import: loaded when asked for.
        from ctr_service.triton_engine import open_triton  # noqa: PLC0415 -- see above

        return open_triton(order)
    return IN_PROCESS.get(order.plan.engine, open_in_process)(order)


def _instead(bundle: Bundle, plan: ServingPlan) -> str:
    """Say what of the bundle may serve where the plan's engine cannot."""
    others = [
        f"--engine {engine} --precision {best}"
        for engine, best in fastest_precisions(bundle.manifest, plan.graph).items()
        if engine != plan.engine
    ]
    if not others:
        return "The bundle holds no graph of another engine: export it on such a machine"
    return f"Or serve another graph of the bundle with {' or '.join(others)}"


async def decide_plan(
    settings: Settings, bundle: Bundle, cpus: int, sleep: Callable[[float], Awaitable[None]]
) -> ServingPlan:
    """Decide what of the bundle serves; with Triton, what its servers have loaded.

    Raises:
        SettingsError: the bundle has not what was asked for, or Triton serves something else.
    """
    if settings.triton is None:
        return plan_of(settings, bundle, cpus)
    from ctr_service.triton_engine import plan_for_triton  # noqa: PLC0415 -- as in open_engine

    return await plan_for_triton(settings, bundle, cpus, sleep)
