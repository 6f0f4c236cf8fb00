"""Does a plan belong to this machine? A foreign one fails to load, or loads and is slower."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_export.errors import PlanRefusedError

if TYPE_CHECKING:
    from ctr_export.tensorrt.machine import Facts
    from ctr_service.bundle.manifest import PlanRecord


def check_plan_fits(record: PlanRecord, facts: Facts, graph_sha256: str) -> None:
    """Refuse a plan built for another GPU, TensorRT or graph.

    The driver may differ: CUDA's minor versions are compatible.

    Args:
        record: the manifest's word on who built the plan.
        facts: this machine.
        graph_sha256: of the graph that the bundle serves now.

    Raises:
        PlanRefusedError: names what differs and what to do.
    """
    pairs = (
        ("GPU", record.gpu, facts.gpu.name),
        ("compute capability", record.compute_capability, facts.gpu.compute_capability),
        ("TensorRT", record.tensorrt_version, facts.tensorrt_version),
        ("graph", record.graph_sha256, graph_sha256),
    )
    differing = [f"{what} {built}, here {here}" for what, built, here in pairs if built != here]
    if differing:
        raise PlanRefusedError(
            f"the bundle's plan was built for another machine ({'; '.join(differing)}); build it "
            "here: ctr-export tensorrt BUNDLE --checkpoint CHECKPOINT"
        )
