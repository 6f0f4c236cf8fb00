"""The data of warm-up samples: a row's length, and its first segment's, as raw int32 files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_export.triton.spec import TargetSpec

FIRST_LENGTH_FILE = "first_length"
SHORT_FIRST_LENGTH = 2
"""`[CLS] [SEP]`."""


def length_file(bucket_tokens: int) -> str:
    """Return the name of the file that holds a row's length."""
    return f"length_{bucket_tokens}"


def write_warmup(folder: Path, spec: TargetSpec) -> None:
    """Write one number a file; Triton repeats it for every row of a sample."""
    folder.mkdir()
    (folder / FIRST_LENGTH_FILE).write_bytes(_number(SHORT_FIRST_LENGTH))
    for bucket in spec.layout.buckets_tokens:
        (folder / length_file(bucket)).write_bytes(_number(bucket))


def _number(value: int) -> bytes:
    return np.array([value], dtype="<i4").tobytes()
