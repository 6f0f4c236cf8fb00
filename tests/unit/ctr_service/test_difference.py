"""What differs between two bundles, and when scores do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ctr_service.bundle.bundle import load_bundle
from ctr_service.bundle.calibration import PlattCalibration
from ctr_service.bundle.difference import SECTIONS, differences, score_causes
from ctr_service.bundle.manifest import JOINT_GRAPH, GraphVariant, Manifest
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The tiny bundle's."""
    folder: Path = tmp_path_factory.mktemp("made") / "tiny"
    return load_bundle(make_tiny_bundle(folder)).manifest


def with_variant(manifest: Manifest, **update: object) -> Manifest:
    """The manifest with another only graph."""
    variant = only(manifest).model_copy(update=update)
    return manifest.model_copy(update={"graphs": {JOINT_GRAPH: {"onnxruntime": {"fp32": variant}}}})


def only(manifest: Manifest) -> GraphVariant:
    """The tiny bundle's only graph."""
    return manifest.variant(JOINT_GRAPH, "onnxruntime", "fp32")


def changed(manifest: Manifest, what: str) -> Manifest:
    """The manifest with one thing that makes scores changed."""
    features = manifest.features.features
    changes: dict[str, Any] = {
        "template": {"template": manifest.template.model_copy(update={"separator_ids": ()})},
        "feature schema": {
            "features": manifest.features.model_copy(update={"features": features[::-1]})
        },
        "tokenizer": {"tokenizer_sha256": "0" * 64},
    }
    if what in changes:
        return manifest.model_copy(update=changes[what])
    if what == "graph":
        return with_variant(manifest, sha256="0" * 64)
    if what == "calibration":
        return with_variant(manifest, calibration=PlattCalibration(slope=0.81, intercept=-1.0))
    variant = {JOINT_GRAPH: {"openvino": {"fp32": only(manifest)}}}
    default = manifest.default.model_copy(update={"engine": "openvino"})
    return manifest.model_copy(update={"graphs": variant, "default": default})


def test_every_field_of_the_manifest_is_compared_once() -> None:
    """No field is left out of the sections, so that a new one cannot differ unseen."""
    compared = [field for fields in SECTIONS.values() for field in fields]
    assert sorted(compared) == sorted(Manifest.model_fields)


def test_a_bundle_differs_in_nothing_from_itself(manifest: Manifest) -> None:
    """Equal manifests have no difference, and the same scores."""
    assert differences(manifest, manifest) == ()
    assert score_causes(manifest, manifest) == ()


@pytest.mark.parametrize(
    "what", ["template", "feature schema", "tokenizer", "graph", "engine", "calibration"]
)
def test_what_makes_scores_is_named(manifest: Manifest, what: str) -> None:
    """Each thing that makes a score is told as the only cause, both ways, and as a difference."""
    other = changed(manifest, what)
    assert score_causes(manifest, other) == (what,) == score_causes(other, manifest)
    assert differences(manifest, other)


def test_what_makes_no_score_does_not_count(manifest: Manifest) -> None:
    """Name, age, figures, layout, tools and a graph under another file name leave scores alone."""
    other = with_variant(manifest, file="graphs/renamed.onnx", pairs_per_second=1.0).model_copy(
        update={
            "model_version": "t2",
            "created_unix_s": 5,
            "metrics": {"auc": 0.7},
            "tools": {"torch": "2.13.0"},
            "layout": manifest.layout.model_copy(update={"sessions": 1}),
        }
    )
    assert score_causes(manifest, other) == ()
    found = {one.path: (one.section, one.old, one.new) for one in differences(manifest, other)}
    assert found == {
        "model_version": ("model", "t1", "t2"),
        "created_unix_s": ("model", None, 5),
        "graphs.joint.onnxruntime.fp32.file": (
            "graphs",
            only(manifest).file,
            "graphs/renamed.onnx",
        ),
        "graphs.joint.onnxruntime.fp32.pairs_per_second": ("graphs", 10_000.0, 1.0),
        "layout.sessions": ("default", 2, 1),
        "metrics.auc": ("metrics", None, 0.7),
        "tools.torch": ("tools", None, "2.13.0"),
    }


def test_entries_of_lists_are_told_by_name_and_by_order(manifest: Manifest) -> None:
    """A feature that changed is named by entity and name; a mere change of order is told too."""
    features = manifest.features.features
    price = features[0].model_copy(update={"edges": (1.0,)})
    other = manifest.model_copy(
        update={
            "features": manifest.features.model_copy(update={"features": (price, *features[1:])})
        }
    )
    (one,) = differences(manifest, other)
    assert one.path == "features.features.item.price.edges"
    (one,) = differences(manifest, changed(manifest, "feature schema"))
    assert one.path == "features.features.order"
    assert isinstance(one.new, list)
    assert one.new[-1] == "item.price"
