"""Which graph serves, and on how many sessions: pure decisions from manifest, settings and CPUs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.backend.engine_names import ONNX_RUNTIME, ONNX_RUNTIME_CUDA
from ctr_service.errors import SettingsError

if TYPE_CHECKING:
    from ctr_service.bundle.manifest import GraphVariant, Layout, Manifest

ZERO_COST_ENGINE = "scripted-zero-cost"
"""No model at all: every batch is answered at once. For measuring the gateway without its engine;
never a default, and named in the start's log and in GetModel."""
ZERO_COST_BATCH_TOKENS = 16_384
"""Its batches are as large as a GPU's: a CPU's budget would measure the forming of tiny ones."""
TIMED_ENGINE = "scripted-timed"
"""No model either: a batch takes the time that `--scripted-run-s` and `--scripted-token-s` say, in
sleep. So several gateways on one machine add up as replicas on machines of their own do."""

STANDS_FOR = {ZERO_COST_ENGINE: None, TIMED_ENGINE: None, ONNX_RUNTIME_CUDA: ONNX_RUNTIME}
"""Engine that no manifest names -> the one whose graphs it takes; None is whichever is default."""
PLAN_TARGET = "tensorrt"
"""The target of a bundle whose graph is built into a plan after the export."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator asks for; None and 0 leave it to the bundle."""

    engine: str | None = None
    precision: str | None = None
    sessions: int = 0
    threads: int = 0


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """What will serve.

    Attributes:
        graph, engine, precision: name the variant in the manifest.
        sessions: batches that run at once; with Triton, at one server, and 0 its instances.
        threads_a_session: threads of each.
        cpus: what this process may use; sessions x threads may be less.
        triton_target: which of the bundle's model repositories Triton serves; None runs the graph
            in this process.
    """

    graph: str
    engine: str
    precision: str
    variant: GraphVariant
    layout: Layout
    sessions: int
    threads_a_session: int
    cpus: int
    triton_target: str | None = None

    @property
    def graph_name(self) -> str:
        """Graph, engine and precision, as GetModel says them: `joint/triton:cpu/fp32` in Triton."""
        engine = self.engine if self.triton_target is None else f"triton:{self.triton_target}"
        return f"{self.graph}/{engine}/{self.precision}"


def make_plan(manifest: Manifest, wishes: Wishes, cpus: int) -> ServingPlan:
    """Choose the variant and the layout.

    A wish for an engine alone, or a precision alone, is met by the bundle's default where that
    fits, else by the fastest variant that does: each has passed the gate.

    The bundle's layout was measured on another machine, perhaps: what it gives is cut so that
    sessions x threads fit on `cpus`. What the operator asked for is taken as it is.

    Raises:
        SettingsError: the bundle has no variant of the engine and precision asked for.
    """
    default = manifest.default
    wished = wishes.engine
    wanted = wishes.precision or ("fp32" if wished == ONNX_RUNTIME_CUDA else None)
    engine, precision = _choose(manifest, STANDS_FOR.get(wished or "", wished), wanted)
    variant = manifest.variant(default.graph, engine, precision)
    layout = manifest.layout
    if wished == ZERO_COST_ENGINE:
        engine = wished
        tokens = max(layout.max_batch_tokens, ZERO_COST_BATCH_TOKENS)
        layout = layout.model_copy(update={"max_batch_tokens": tokens})
    elif wished == TIMED_ENGINE:
        engine = wished
    elif wished == ONNX_RUNTIME_CUDA:
        engine = wished
        layout = manifest.triton[wished].layout if wished in manifest.triton else layout
    threads = wishes.threads or min(layout.threads_a_session, cpus)
    sessions = wishes.sessions or max(1, min(layout.sessions, cpus // threads))
    return ServingPlan(
        graph=default.graph,
        engine=engine,
        precision=precision,
        variant=variant,
        layout=layout,
        sessions=sessions,
        threads_a_session=threads,
        cpus=cpus,
    )


def make_triton_plan(manifest: Manifest, target: str, slots: int, cpus: int) -> ServingPlan:
    """Plan for a graph that runs in Triton: in the layout for which the target was exported.

    Args:
        manifest: has the target.
        target: which model repository of the bundle.
        slots: batches in flight at one server; 0 takes its instances.
        cpus: what this process may use.

    Raises:
        SettingsError: it serves a plan of which the bundle holds no record.
    """
    served = manifest.triton[target]
    if target == PLAN_TARGET and served.plan is None:
        raise SettingsError(
            f"Triton serves the target {target}, and the bundle holds no record of its plan, so "
            "nobody judged it against the float32 graph: build it with `ctr-export tensorrt`, and "
            "give Triton and the gateway the bundle that this writes"
        )
    return ServingPlan(
        graph=served.graph,
        engine=served.engine,
        precision=served.precision,
        variant=manifest.variant(served.graph, served.engine, served.precision),
        layout=served.layout,
        sessions=slots,
        threads_a_session=served.layout.threads_a_session,
        cpus=cpus,
        triton_target=target,
    )


def fastest_precisions(manifest: Manifest, graph: str) -> dict[str, str]:
    """Return engine -> the precision that the exporter measured fastest on it."""
    return {
        engine: max(found, key=lambda precision: found[precision].pairs_per_second)
        for engine, found in sorted(manifest.graphs[graph].items())
        if found
    }


def _choose(manifest: Manifest, engine: str | None, precision: str | None) -> tuple[str, str]:
    """Return engine and precision of the variant that meets the wishes, None being any."""
    default = manifest.default
    speeds = {
        (its_engine, its_precision): variant.pairs_per_second
        for its_engine, found in manifest.graphs[default.graph].items()
        for its_precision, variant in found.items()
        if engine in {None, its_engine} and precision in {None, its_precision}
    }
    if (default.engine, default.precision) in speeds:
        return default.engine, default.precision
    if not speeds:
        wanted = "/".join(part for part in (engine, precision) if part)
        raise SettingsError(
            f"the bundle has no {wanted}; --engine and --precision may be "
            f"{_variants(manifest, default.graph)}"
        )
    return max(speeds, key=lambda name: (name[0] == default.engine, speeds[name]))


def _variants(manifest: Manifest, graph: str) -> str:
    engines = manifest.graphs[graph]
    return ", ".join(
        f"{engine}/{precision}" for engine, found in sorted(engines.items()) for precision in found
    )
