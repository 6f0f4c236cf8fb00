"""Claims about versions."""

from __future__ import annotations

import re

import pytest

from ctr_export.fingerprint import model_version, tool_versions
from ctr_train.checkpoint import WEIGHTS_FILE, Checkpoint, load_checkpoint
from tests.support.tiny_checkpoint import make_tiny_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A tiny checkpoint."""
    return load_checkpoint(make_tiny_checkpoint(tmp_path_factory.mktemp("made") / "tiny"))


def test_the_version_is_a_short_digest(checkpoint: Checkpoint) -> None:
    """It is w and 12 hex digits, the same for the same model."""
    version = model_version(checkpoint, "0" * 64)
    assert re.fullmatch(r"w[0-9a-f]{12}", version)
    assert version == model_version(checkpoint, "0" * 64)


def test_the_version_changes_with_what_changes_a_logit(checkpoint: Checkpoint) -> None:
    """Weights, template, features and tokenizer each give another version; a metric does not."""
    info = checkpoint.info
    changes = (
        {"files": {**info.files, WEIGHTS_FILE: "1" * 64}},
        {"files": {**info.files, "config.json": "1" * 64}},
        {"template": info.template.model_copy(update={"pad_id": 9})},
        {"features": info.features.model_copy(update={"features": ()})},
    )
    versions = {
        model_version(Checkpoint(checkpoint.folder, info.model_copy(update=change)), "0" * 64)
        for change in changes
    }
    versions |= {model_version(checkpoint, "0" * 64), model_version(checkpoint, "1" * 64)}
    assert len(versions) == 6
    better = Checkpoint(checkpoint.folder, info.model_copy(update={"metrics": {"auc": 1.0}}))
    assert model_version(better, "0" * 64) == model_version(checkpoint, "0" * 64)


def test_every_tool_has_a_version() -> None:
    """The manifest says what made it."""
    versions = tool_versions()
    assert {"python", "ctr-serve", "torch", "onnxruntime", "onnx"} <= versions.keys()
    assert all(versions.values())
