"""A config's warm-up samples: every shape that the gateway sends, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tritonclient.grpc import model_config_pb2 as pb

from ctr_export.triton.names import WARMUP_FOLDER
from ctr_export.triton.violation import Violation, is_not
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_service.bundle.manifest import TritonTarget

NUMBER_BYTES = 4


def check_warmup(config: pb.ModelConfig, target: TritonTarget, model: Path) -> Iterator[Violation]:
    """Yield what is missing, beyond use, or without its data.

    Args:
        config: parsed.
        target: the manifest's word.
        model: the model's folder, which holds the samples' data.
    """
    wanted = {f"{rows}x{bucket}": (rows, bucket) for rows, bucket in target.shapes}
    found = {sample.name: sample for sample in config.model_warmup}
    for name in wanted.keys() - found.keys():
        yield Violation("model_warmup", f"no sample {name}, a shape that is used")
    for name in found.keys() - wanted.keys():
        yield Violation(f"model_warmup[{name}]", "no such shape is used")
    for name in wanted.keys() & found.keys():
        yield from _check_sample(f"model_warmup[{name}]", found[name], wanted[name], model)


def _check_sample(
    where: str, sample: pb.ModelWarmup, shape: tuple[int, int], model: Path
) -> Iterator[Violation]:
    rows, bucket = shape
    if sample.batch_size != rows:
        yield Violation(f"{where}.batch_size", is_not(sample.batch_size, rows))
    for name, dims in ((INPUT_IDS, [bucket]), (LENGTHS, [1]), (FIRST_LENGTHS, [1])):
        field = f"{where}.inputs[{name}]"
        if name not in sample.inputs:
            yield Violation(field, "it is missing")
            continue
        given = sample.inputs[name]
        if given.data_type != pb.TYPE_INT32:
            typed = pb.DataType.Name(given.data_type)
            yield Violation(f"{field}.data_type", is_not(typed, "TYPE_INT32"))
        if list(given.dims) != dims:
            yield Violation(f"{field}.dims", is_not(list(given.dims), dims))
        if name != INPUT_IDS:
            path = model / WARMUP_FOLDER / (given.input_data_file or "-")
            if not path.is_file() or path.stat().st_size != NUMBER_BYTES:
                yield Violation(
                    f"{field}.input_data_file",
                    f"{WARMUP_FOLDER}/{given.input_data_file or '?'} is no file of one int32",
                )
