"""Types and buckets that a training split implies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.features import Entity, FeatureType
from ctr_train.log import inspect_log
from ctr_train.schema import bucket_edges, infer_feature, infer_schema
from tests.support.log_files import ROWS, log_columns, write_parquet

if TYPE_CHECKING:
    from pathlib import Path


def test_features_come_by_entity_in_column_order(tmp_path: Path) -> None:
    """Items, then users, then context; within them as in the file."""
    columns = log_columns(
        context_hour=[row % 24 for row in range(ROWS)],
        user_segment=["a", "b", "c"] * 20,
        item_tags=[["x"], ["y", "z"]] * 30,
        item_price=[row / 7 for row in range(ROWS)],
    )
    log = inspect_log(write_parquet(tmp_path, columns)).log
    assert log is not None
    specs = infer_schema(log).features
    assert [(spec.qualified_name, spec.type) for spec in specs] == [
        ("item.tags", FeatureType.TEXTS),
        ("item.price", FeatureType.NUMBER),
        ("user.segment", FeatureType.TEXT),
        ("context.hour", FeatureType.NUMBER),
    ]


def test_few_whole_numbers_are_rendered_as_they_are() -> None:
    """Up to 20 distinct integers need no buckets; 21 do."""
    assert bucket_edges(np.arange(20.0).repeat(5)) == ()
    assert len(bucket_edges(np.arange(21.0).repeat(5))) == 10


def test_other_numbers_fall_into_even_buckets() -> None:
    """Ten quantile edges make eleven buckets of about equal share."""
    numbers = np.random.default_rng(0).lognormal(size=10_000)
    edges = bucket_edges(numbers)
    shares = np.bincount(np.searchsorted(edges, numbers, side="right")) / len(numbers)
    assert len(edges) == 10
    assert abs(shares - 1 / 11).max() < 0.001


def test_a_crowded_value_does_not_swallow_the_buckets() -> None:
    """Where nearly all prices are 0, the rest is still told apart."""
    numbers = np.concatenate([np.zeros(9_900), np.linspace(0.5, 50, 100)])
    edges = bucket_edges(numbers)
    assert edges[0] > 0
    assert len(edges) == 10


def test_two_fractions_make_one_edge() -> None:
    """Two values need one edge, at the larger."""
    assert bucket_edges(np.array([0.5, 1.5] * 20)) == (1.5,)


def test_one_fraction_has_no_edge() -> None:
    """A constant is rendered as it is."""
    assert bucket_edges(np.array([0.5] * 20)) == ()


def test_a_feature_missing_in_every_row_gets_no_spec() -> None:
    """Nothing could be learnt about it."""
    assert infer_feature(Entity.USER, "age", [None, None]) is None
    assert infer_feature(Entity.USER, "tags", [None, ()]) is None


def test_missing_values_do_not_shape_the_type() -> None:
    """The first value that is there tells the type, and every one renders."""
    spec = infer_feature(Entity.ITEM, "stock", [None, 3, 4])
    assert spec is not None
    assert [spec.render(value) for value in (None, 3, 4.0)] == [
        "stock unknown",
        "stock 3",
        "stock 4",
    ]
