"""Claims about the checkpoint folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydantic import ValidationError
from transformers import AutoModelForSequenceClassification

from ctr_train.checkpoint import (
    HELDOUT_FILE,
    INFO_DIGEST_FILE,
    INFO_FILE,
    WEIGHTS_FILE,
    CheckpointInfo,
    load_checkpoint,
    read_heldout,
)
from ctr_train.errors import CheckpointError
from tests.support.tiny_checkpoint import make_tiny_checkpoint

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete checkpoint that no test changes."""
    return make_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    return copy


def test_a_complete_checkpoint_loads_and_is_a_hugging_face_model(made: Path) -> None:
    """The folder passes its digests and loads with AutoModelForSequenceClassification."""
    checkpoint = load_checkpoint(made)
    model = AutoModelForSequenceClassification.from_pretrained(made, local_files_only=True)

    assert checkpoint.info.model_name == "tiny"
    assert model.config.num_labels == 1


def test_held_out_rows_come_back_by_split(made: Path) -> None:
    """Each split holds its own rows, with the texts of the template's segments."""
    checkpoint = load_checkpoint(made)
    validation, test = (read_heldout(checkpoint, name) for name in ("validation", "test"))

    assert (len(validation), len(test)) == (100, 100)
    assert not set(validation.row.tolist()) & set(test.row.tolist())
    assert {len(texts) for texts in test.segments} == {len(checkpoint.info.template.segments)}
    assert test.position is not None
    assert test.position.min() == 1
    assert np.isfinite(test.logit).all()


@pytest.mark.parametrize("name", [WEIGHTS_FILE, HELDOUT_FILE, INFO_FILE, "tokenizer.json"])
def test_one_flipped_byte_is_refused(folder: Path, name: str) -> None:
    """A change in any file, the info file too, is named."""
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)

    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, INFO_FILE, INFO_DIGEST_FILE])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    """A folder that was copied in part does not load."""
    (folder / name).unlink()

    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_checkpoint(folder)


def test_a_folder_that_is_none_says_how_to_make_one(tmp_path: Path) -> None:
    """The sentence names the command that writes checkpoints."""
    with pytest.raises(CheckpointError, match="ctr-train fit"):
        load_checkpoint(tmp_path / "absent")


def test_a_newer_schema_is_refused_by_version(folder: Path) -> None:
    """A version this program does not know is named, not parsed."""
    _rewrite(folder, schema_version=2)

    with pytest.raises(CheckpointError, match="schema version 2"):
        load_checkpoint(folder)


def test_a_file_outside_the_folder_is_refused(folder: Path) -> None:
    """Digests cannot point out of the checkpoint."""
    info = load_checkpoint(folder).info
    _rewrite(folder, files={**info.files, "../outside": "0" * 64})

    with pytest.raises(CheckpointError, match="outside"):
        load_checkpoint(folder)


@pytest.mark.parametrize("examination", [(), (0.9, 0.5), (1.0, 0.0), (1.0, 1.5)])
def test_examination_begins_with_one_and_is_a_probability(
    made: Path, examination: tuple[float, ...]
) -> None:
    """What cannot be P(examined) relative to the top is refused."""
    content = load_checkpoint(made).info.model_dump() | {"examination": examination}

    with pytest.raises(ValidationError, match="examination"):
        CheckpointInfo.model_validate(content)


def test_equal_seeds_make_equal_checkpoints(made: Path, tmp_path: Path) -> None:
    """The support function is reproducible, weights included."""
    again = load_checkpoint(make_tiny_checkpoint(tmp_path / "again"))

    assert again.weights_sha256 == load_checkpoint(made).weights_sha256


def _rewrite(folder: Path, **changes: object) -> None:
    """Write an info that no release of this program would write, with a digest that fits it."""
    content = json.loads((folder / INFO_FILE).read_text()) | changes
    raw = json.dumps(content).encode()
    (folder / INFO_FILE).write_bytes(raw)
    (folder / INFO_DIGEST_FILE).write_text(f"{hashlib.sha256(raw).hexdigest()}  {INFO_FILE}\n")
