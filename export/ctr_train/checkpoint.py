"""The checkpoint folder: what `ctr-train fit` writes and the exporter reads.

Hugging Face's own files, so that `AutoModelForSequenceClassification` loads the folder, and beside
them `ctr_checkpoint.json` (template, features, base rate, digests), `heldout.parquet` (the rows
that the model never trained on), `metrics.json`, `train_config.json` and plots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ctr_service.bundle.features import FeatureSchema
from ctr_service.bundle.files import sha256_of
from ctr_service.bundle.seal import Seal
from ctr_service.bundle.template import InputTemplate
from ctr_service.bundle.trimming import TrimmingRecord
from ctr_train.errors import CheckpointError
from ctr_train.heldout import HeldOut, SplitName, read_heldout_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "HELDOUT_FILE",
    "METRICS_FILE",
    "MODEL_CONFIG_FILE",
    "PLOTS_FOLDER",
    "TOKENIZER_FILE",
    "TRAIN_CONFIG_FILE",
    "WEIGHTS_FILE",
    "Checkpoint",
    "CheckpointInfo",
    "HeldOut",
    "SplitName",
    "TeacherRecord",
    "digest_files",
    "load_checkpoint",
    "read_heldout",
    "write_info",
]

SCHEMA_VERSION = 1
INFO_FILE = "ctr_checkpoint.json"
INFO_DIGEST_FILE = "ctr_checkpoint.json.sha256"
"""In `sha256sum` format; `ctr_checkpoint.json` holds the digests of everything else."""
HELDOUT_FILE = "heldout.parquet"
METRICS_FILE = "metrics.json"
TRAIN_CONFIG_FILE = "train_config.json"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
MODEL_CONFIG_FILE = "config.json"
PLOTS_FOLDER = "plots"
SEAL = Seal(
    kind="checkpoint",
    list_file=INFO_FILE,
    list_name=INFO_FILE,
    digest_file=INFO_DIGEST_FILE,
    schema_version=SCHEMA_VERSION,
    command="ctr-train fit",
    error=CheckpointError,
)

REQUIRED_FILES = (
    MODEL_CONFIG_FILE,
    WEIGHTS_FILE,
    TOKENIZER_FILE,
    HELDOUT_FILE,
    METRICS_FILE,
    TRAIN_CONFIG_FILE,
)


class TeacherRecord(BaseModel):
    """What a distilled checkpoint says about its teacher.

    Attributes:
        model_name: the teacher's.
        weights_sha256: of the teacher's `model.safetensors`.
        layers: of the teacher.
        kept: the teacher's layers that the student began with, from 0.
        metrics: the teacher's, as it wrote them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_name: str
    weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    layers: int = Field(ge=1)
    kept: tuple[int, ...] = Field(min_length=1)
    metrics: dict[str, float]


class CheckpointInfo(BaseModel):
    """What a checkpoint says about itself.

    Attributes:
        base_rate: click rate of the training split, with a position model of the rows looked at.
        target: what the probability means, for people.
        examination: P(examined) by `position - 1`, the first is 1; a position beyond the last
            takes the last. None where the log had no position.
        metrics: offline figures, finite, as in `metrics.json`.
        files: name of every other file, with `/`, -> sha256.
        tools: versions of what made the checkpoint.
        teacher: what it was distilled from; None for a model of `ctr-train fit`.
        trimming: how its vocabulary was trimmed, for the exporter's own copy of a checkpoint.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    schema_version: Literal[1] = 1
    model_name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    template: InputTemplate
    features: FeatureSchema
    base_rate: float = Field(ge=0, le=1)
    target: str
    examination: tuple[float, ...] | None = None
    metrics: dict[str, float]
    files: dict[str, str]
    tools: dict[str, str]
    teacher: TeacherRecord | None = None
    trimming: TrimmingRecord | None = None

    @field_validator("examination")
    @classmethod
    def _first_is_examined(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is None:
            return None
        if not value or value[0] != 1.0 or not all(0 < share <= 1 for share in value):
            raise ValueError("examination must begin with 1 and lie in (0, 1]")
        return value

    @field_validator("files")
    @classmethod
    def _complete(cls, value: dict[str, str]) -> dict[str, str]:
        missing = [name for name in REQUIRED_FILES if name not in value]
        if missing:
            raise ValueError(f"no digest of {', '.join(missing)}")
        return value


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified checkpoint folder."""

    folder: Path
    info: CheckpointInfo

    @property
    def tokenizer_path(self) -> Path:
        """Where the tokenizer lies."""
        return self.folder / TOKENIZER_FILE

    @property
    def weights_sha256(self) -> str:
        """Digest of `model.safetensors`."""
        return self.info.files[WEIGHTS_FILE]


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint and check every digest.

    Raises:
        CheckpointError: absent, incomplete, tampered with, or of another schema version.
    """
    info = SEAL.parse(SEAL.read(folder), CheckpointInfo)
    SEAL.check(folder, info.files.items())
    return Checkpoint(folder, info)


def read_heldout(checkpoint: Checkpoint, split: SplitName) -> HeldOut:
    """Return the held-out rows of "validation" or "test", in the file's order.

    Raises:
        CheckpointError: the file cannot be read.
    """
    return read_heldout_file(checkpoint.folder / HELDOUT_FILE, split)


def digest_files(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below `folder`, but for the info file and its digest."""
    own = {INFO_FILE, INFO_DIGEST_FILE}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: sha256_of(path) for name, path in names.items() if name not in own}


def write_info(folder: Path, info: CheckpointInfo) -> None:
    """Write `ctr_checkpoint.json` and its digest; call it last, into a staged folder."""
    SEAL.write(folder, info)
