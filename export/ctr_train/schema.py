"""The feature schema that a training split implies: types, and bucket edges of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.features import Entity, FeatureSchema, FeatureSpec, FeatureType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctr_service.types import FeatureValue
    from ctr_train.log import ClickLog

MAX_DIRECT_INTEGERS = 20
"""Up to so many distinct integers are rendered as they are: counts, stars, hours."""
MAX_EDGES = 10
MIN_USEFUL_EDGES = 2


def infer_schema(log: ClickLog) -> FeatureSchema:
    """Return one spec a feature, items first, then users, then context, in column order.

    Call it on the training split, so that held-out rows do not shape the buckets. A feature that
    is missing in every row of it gets no spec: the model could learn nothing about it.
    """
    specs = (
        infer_feature(entity, name, values)
        for entity in Entity
        for name, values in log.features.get(entity, {}).items()
    )
    return FeatureSchema(features=tuple(spec for spec in specs if spec is not None))


def infer_feature(
    entity: Entity, name: str, values: Sequence[FeatureValue | None]
) -> FeatureSpec | None:
    """Return the spec of one feature, or None when every value is missing.

    The first present value sets the type: `read_log` gives a column one type.
    """
    present = [value for value in values if value is not None and value not in ("", ())]
    if not present:
        return None
    if isinstance(present[0], str):
        return FeatureSpec(name=name, entity=entity, type=FeatureType.TEXT)
    if isinstance(present[0], tuple):
        return FeatureSpec(name=name, entity=entity, type=FeatureType.TEXTS)
    numbers = np.asarray(present, dtype=np.float64)
    return FeatureSpec(
        name=name, entity=entity, type=FeatureType.NUMBER, edges=bucket_edges(numbers)
    )


def bucket_edges(numbers: NDArray[np.float64]) -> tuple[float, ...]:
    """Return at most ten strictly rising edges, or none for few distinct integers.

    Edges are quantiles, so that buckets hold about equal shares. Where one value holds nearly all
    rows the quantiles fall together; then the distinct values are divided instead.
    """
    distinct = np.unique(numbers)
    whole = bool((distinct == np.floor(distinct)).all())
    if len(distinct) <= MAX_DIRECT_INTEGERS and whole:
        return ()
    edges = _quantiles(numbers, distinct[0])
    if len(edges) < min(MIN_USEFUL_EDGES, len(distinct) - 1):
        edges = _quantiles(distinct, distinct[0])
    return tuple(float(edge) for edge in edges)


def _quantiles(numbers: NDArray[np.float64], lowest: float) -> NDArray[np.float64]:
    shares = np.arange(1, MAX_EDGES + 1) / (MAX_EDGES + 1)
    # An edge is a value that occurs: no rounding between machines. The lowest would bound nothing.
    edges = np.unique(np.quantile(numbers, shares, method="inverted_cdf"))
    return edges[edges > lowest]
