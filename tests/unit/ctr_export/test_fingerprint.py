"""Claims about versions and the processor's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ctr_export.fingerprint import cpu_name, model_version, tool_versions
from ctr_train.checkpoint import WEIGHTS_FILE, Checkpoint, load_checkpoint
from tests.support.tiny_checkpoint import make_tiny_checkpoint

if TYPE_CHECKING:
    from pathlib import Path


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


def test_the_processor_is_named_with_what_decides_speed(tmp_path: Path) -> None:
    """Name, family, model and the instruction sets that matter are told; others are not."""
    info = tmp_path / "cpuinfo"
    info.write_text(
        "processor\t: 0\nmodel name\t: AMD EPYC\ncpu family\t: 25\nmodel\t\t: 17\n"
        "flags\t\t: fpu avx2 avx512f avx512_vnni\n\n"
    )
    assert cpu_name(info) == "AMD EPYC, family/model 25/17, avx2 avx512f avx512_vnni"


def test_an_unknown_processor_has_a_name_too(tmp_path: Path) -> None:
    """Without /proc/cpuinfo the machine's type is told."""
    assert cpu_name(tmp_path / "none")
