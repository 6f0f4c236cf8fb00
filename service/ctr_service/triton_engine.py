"""The part of the composition that puts the model into Triton servers elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.backend.triton import TritonBackend
from ctr_service.backend.triton_ask import ask_triton
from ctr_service.backend.triton_channel import Tls
from ctr_service.backend.triton_check import (
    ENGINE,
    GRAPH,
    GRAPH_SHA256,
    MODEL_PREFIX,
    MODEL_VERSION,
    PRECISION,
    REBUILD,
    TARGET,
    Expected,
)
from ctr_service.backend.triton_options import EndpointOptions
from ctr_service.backend.triton_targets import parse_targets, resolve
from ctr_service.breaker import Breaker, BreakerPolicy
from ctr_service.errors import SettingsError
from ctr_service.plan import ServingPlan, make_triton_plan
from ctr_service.scoring import Engine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from ctr_service.backend.base import Cost
    from ctr_service.backend.triton_targets import Target
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.engine_order import EngineOrder
    from ctr_service.settings import Settings


async def plan_for_triton(
    settings: Settings, bundle: Bundle, cpus: int, sleep: Callable[[float], Awaitable[None]]
) -> ServingPlan:
    """Ask Triton which of the bundle's targets it serves, and plan for that one.

    Raises:
        SettingsError: no server answered, or what it serves is none of the bundle's targets.
    """
    manifest = bundle.manifest
    told = await ask_triton(
        _targets(settings),
        f"{MODEL_PREFIX}{manifest.default.graph}",
        model_version=manifest.model_version,
        tls=_tls(settings),
        patience_s=settings.triton_wait_s,
        sleep=sleep,
        resolve=resolve,
    )
    target = told[TARGET]
    if target not in manifest.triton:
        raise SettingsError(
            f"parameter {TARGET}: Triton has {target or 'none'}, the bundle "
            f"{', '.join(sorted(manifest.triton)) or 'no triton/ folder'}; {REBUILD}"
        )
    return make_triton_plan(manifest, target, settings.triton_slots, cpus)


def open_triton(order: EngineOrder) -> Engine:
    """Make the backend; its warm-up connects it, and refuses servers of another model.

    Raises:
        SettingsError: the targets or a TLS file are wrong.
    """
    settings, bundle, plan = order.settings, order.bundle, order.plan
    layout = plan.layout
    backend = TritonBackend(
        _targets(settings),
        expected=_expected(bundle, plan),
        options=EndpointOptions(settings.triton_slots, settings.triton_connections, _tls(settings)),
        new_breaker=lambda: Breaker(BreakerPolicy(), order.random),
        clock=order.clock,
        sleep=order.sleep,
        observer=order.observer,
        probe_tokens=layout.buckets_tokens[0],
    )

    async def warm_up() -> Sequence[Cost]:
        await backend.start(settings.triton_wait_s)
        return await backend.warm_up(plan.graph, layout.buckets_tokens, layout.max_batch_tokens)

    return Engine(backend, warm_up)


def _expected(bundle: Bundle, plan: ServingPlan) -> Expected:
    layout = plan.layout
    return Expected(
        graph=plan.graph,
        parameters={
            TARGET: plan.triton_target or "",
            GRAPH: plan.graph,
            MODEL_VERSION: bundle.manifest.model_version,
            GRAPH_SHA256: plan.variant.sha256,
            PRECISION: plan.precision,
            ENGINE: plan.engine,
        },
        inputs=plan.variant.inputs,
        outputs=plan.variant.outputs,
        max_rows=max(1, layout.max_batch_tokens // layout.buckets_tokens[0]),
    )


def _targets(settings: Settings) -> tuple[Target, ...]:
    return parse_targets(settings.triton or "")


def _tls(settings: Settings) -> Tls | None:
    if not settings.triton_tls:
        return None
    return Tls(
        roots=_read(settings.triton_ca_file, "--triton-ca-file"),
        private_key=_read(settings.triton_key_file, "--triton-key-file"),
        certificate=_read(settings.triton_cert_file, "--triton-cert-file"),
    )


def _read(path: Path | None, flag: str) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{flag}: {path} cannot be read ({error.strerror})") from None
