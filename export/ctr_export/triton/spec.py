"""What a target's config is made from, apart from protobuf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.triton.names import MODEL_PREFIX

if TYPE_CHECKING:
    from ctr_service.bundle.manifest import GraphVariant, Layout


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """One model repository to be written.

    Attributes:
        target: its name; see `names`.
        graph, engine, precision: name the variant in the manifest.
        variant: that graph.
        layout: the gateway's for this target; `sessions` is Triton's instances.
        shapes: (rows, bucket) to warm up.
        model_version: the manifest's.
    """

    target: str
    graph: str
    engine: str
    precision: str
    variant: GraphVariant
    layout: Layout
    shapes: tuple[tuple[int, int], ...]
    model_version: str

    @property
    def model(self) -> str:
        """The model's name in Triton."""
        return f"{MODEL_PREFIX}{self.graph}"
