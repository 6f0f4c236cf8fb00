"""The graphs of several bundles that stand in one comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx

from ctr_export.catalogue import ONNX_RUNTIME, PLAIN, name_of
from ctr_export.errors import ExportError
from ctr_service.bundle.bundle import load_bundle
from ctr_service.bundle.manifest import JOINT_GRAPH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctr_service.bundle.bundle import Bundle
    from ctr_service.bundle.manifest import GraphVariant

ATTENTION_MARK = "Softmax"
"""One a layer in the plain graph: the weights of its attention."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One graph of one bundle.

    Attributes:
        number: which bundle, from 0; the first is what others are compared with.
        is_default: it is what the bundle serves.
        layers: of the encoder; None where they cannot be told.
    """

    number: int
    bundle: Bundle
    engine: str
    precision: str
    variant: GraphVariant
    is_default: bool
    layers: int | None

    @property
    def key(self) -> str:
        """A name that no other entry has."""
        return f"{self.number}/{self.name}"

    @property
    def name(self) -> str:
        """What people call the graph."""
        return name_of(self.engine, self.precision)

    @property
    def path(self) -> Path:
        """Where the graph lies."""
        return self.bundle.path_of(self.variant)


def choose_entries(folders: Sequence[Path]) -> list[Entry]:
    """Return each bundle's default graph and every graph of a name that all of them hold.

    Raises:
        BundleError: a bundle is incomplete, or was changed.
        ExportError: fewer than two bundles.
    """
    if len(folders) < 2:  # noqa: PLR2004 -- two make a comparison
        raise ExportError("name at least two bundles to compare")
    bundles = [load_bundle(folder) for folder in folders]
    variants = [_variants(bundle) for bundle in bundles]
    shared = set.intersection(*(set(own) for own in variants))
    entries: list[Entry] = []
    for number, (bundle, own) in enumerate(zip(bundles, variants, strict=True)):
        default = (bundle.manifest.default.engine, bundle.manifest.default.precision)
        plain = own.get((ONNX_RUNTIME, PLAIN))
        layers = None if plain is None else count_layers(bundle.path_of(plain))
        entries += [
            Entry(number, bundle, *name, variant, name == default, layers)
            for name, variant in own.items()
            if name in shared or name == default
        ]
    return entries


def _variants(bundle: Bundle) -> dict[tuple[str, str], GraphVariant]:
    """Return (engine, precision) -> variant."""
    return {
        (engine, precision): variant
        for engine, found in bundle.manifest.graphs[JOINT_GRAPH].items()
        for precision, variant in found.items()
    }


def rival_of(entry: Entry, entries: Sequence[Entry]) -> Entry:
    """Return the first bundle's graph of the same name, or its default where it has none."""
    first = [one for one in entries if one.number == 0]
    same = [one for one in first if one.name == entry.name]
    return same[0] if same else next(one for one in first if one.is_default)


def count_layers(graph: Path) -> int | None:
    """Return the layers of a plain graph: its attentions; None where there is none."""
    nodes = onnx.load(graph, load_external_data=False).graph.node
    return sum(node.op_type == ATTENTION_MARK for node in nodes) or None
