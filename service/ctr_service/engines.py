"""Which engine the plan names, and how it is loaded. Composition alone imports this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.backend.base import Cost
from ctr_service.backend.onnx import OnnxBackend
from ctr_service.backend.scripted import ScriptedBackend, lengths_as_logits
from ctr_service.errors import SettingsError
from ctr_service.plan import ZERO_COST_ENGINE
from ctr_service.scoring import Engine

if TYPE_CHECKING:
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.clock import Clock
    from ctr_service.plan import ServingPlan


def open_onnx(bundle: Bundle, plan: ServingPlan, clock: Clock) -> Engine:
    """Load the bundle's graph into ONNX Runtime. Blocks.

    Raises:
        SettingsError: the plan names an engine that this release does not have.
        BundleError: the graph cannot be loaded.
    """
    if plan.engine != "onnxruntime":
        raise SettingsError(f"this release runs onnxruntime only, not {plan.engine}")
    layout, measured = plan.layout, plan.variant.costs
    backend = OnnxBackend(
        {plan.graph: bundle.path_of(plan.variant)},
        sessions=plan.sessions,
        threads_a_session=plan.threads_a_session,
        clock=clock,
        costs=tuple(Cost(cost.bucket_tokens, cost.rows, cost.seconds) for cost in measured),
    )
    return Engine(
        backend,
        lambda: backend.warm_up(plan.graph, layout.buckets_tokens, layout.max_batch_tokens),
    )


def open_zero_cost(_: Bundle, plan: ServingPlan, clock: Clock) -> Engine:
    """Open the engine without a model, by which benches measure the gateway alone."""
    backend = ScriptedBackend(slots=plan.sessions, clock=clock, logits=lengths_as_logits)

    async def warm_up() -> tuple[Cost, ...]:
        return ()

    return Engine(backend, warm_up)


def open_engine(bundle: Bundle, plan: ServingPlan, clock: Clock) -> Engine:
    """Open the engine that the plan names; see `open_onnx`. Blocks."""
    opener = open_zero_cost if plan.engine == ZERO_COST_ENGINE else open_onnx
    return opener(bundle, plan, clock)
