"""Ranges of activations, seen while calibration rows run through the float32 graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort

from ctr_export.int8 import constant_products
from ctr_service.backend.base import LENGTHS
from ctr_service.backend.onnx_session import CPU_PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_export.int8 import Range

KEPT_SHARE = 0.9999
"""Share of an activation's values that the range must hold; the rest is clipped."""


def activation_ranges(
    source: Path,
    batches: Iterable[Mapping[str, NDArray[np.generic]]],
    *,
    kept_share: float = KEPT_SHARE,
) -> dict[str, Range]:
    """Return a range for each activation that meets a constant weight.

    The range goes from the mean lowest to the mean highest quantile over the batches, where the
    quantiles leave `1 - kept_share` of a batch's values outside, half on each side. Padding does
    not count.

    Args:
        source: the float32 graph.
        batches: at least one; the graph's inputs by name.
        kept_share: in (0, 1]; 1 is plain minimum and maximum.
    """
    model = onnx.load(str(source))
    names = list(dict.fromkeys(node.input[0] for node in constant_products(model)))
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = ort.InferenceSession(model.SerializeToString(), providers=[CPU_PROVIDER])
    tail = (1.0 - kept_share) / 2
    seen: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    for tensors in batches:
        for name, values in zip(names, session.run(names, dict(tensors)), strict=True):
            seen[name].append(np.quantile(_real(values, tensors[LENGTHS]), (tail, 1.0 - tail)))
    return {
        name: (float(np.mean([q[0] for q in own])), float(np.mean([q[1] for q in own])))
        for name, own in seen.items()
    }


def _real(values: NDArray[np.float32], lengths: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the values of real tokens; `values` is [rows, length or 1, width]."""
    at = np.arange(values.shape[1])[None, :]
    return values[at < np.asarray(lengths)[:, None]]
