"""Which configs are refused, and what the refusal names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tritonclient.grpc import model_config_pb2 as pb

from ctr_export.triton import names
from ctr_service.backend import triton_check
from ctr_service.backend.triton_check import Accepted, check_config, instances_of
from tests.support.fake_triton import make_config
from tests.support.triton_world import EXPECTED

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_config_that_fits_is_accepted() -> None:
    """It tells what requests look like, and how many batches run at once."""
    accepted = check_config(make_config(instances=3), ["7"], EXPECTED)
    assert isinstance(accepted, Accepted)
    assert accepted.instances == 3
    assert (accepted.wire.model, accepted.wire.version) == ("ctr_joint", "7")


def test_a_config_without_batching_is_accepted_with_the_rows_in_its_dims() -> None:
    """`max_batch_size: 0` spells the first dimension out."""
    config = make_config()
    config.max_batch_size = 0
    for tensor in (*config.input, *config.output):
        del tensor.dims[:]
        tensor.ClearField("reshape")
        tensor.dims.extend([-1, -1] if tensor.name == "input_ids" else [-1])
    assert isinstance(check_config(config, ["1"], EXPECTED), Accepted)


def set_parameter(name: str) -> Callable[[pb.ModelConfig], None]:
    """Change one parameter."""

    def change(config: pb.ModelConfig) -> None:
        config.parameters[name].string_value = "other"

    return change


def rename(config: pb.ModelConfig) -> None:
    """Another name."""
    config.name = "ctr_other"


def lose_input(config: pb.ModelConfig) -> None:
    """One input less."""
    del config.input[1]


def add_input(config: pb.ModelConfig) -> None:
    """One input more."""
    config.input.add(name="token_type_ids", data_type=pb.TYPE_INT32, dims=[-1])


def widen_input(config: pb.ModelConfig) -> None:
    """Another dtype."""
    config.input[0].data_type = pb.TYPE_INT64


def fix_length(config: pb.ModelConfig) -> None:
    """Rows of one length alone."""
    config.input[0].dims[0] = 32


def half_output(config: pb.ModelConfig) -> None:
    """Another dtype of the output."""
    config.output[0].data_type = pb.TYPE_FP16


def shrink(config: pb.ModelConfig) -> None:
    """Fewer rows than the gateway packs."""
    config.max_batch_size = 8


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (rename, "model name"),
        *((set_parameter(name), f"parameter {name}") for name in EXPECTED.parameters),
        (lose_input, "input lengths"),
        (add_input, "input token_type_ids"),
        (widen_input, "input input_ids data_type"),
        (fix_length, "input input_ids dims"),
        (half_output, "output logits data_type"),
        (shrink, "max_batch_size"),
    ],
)
def test_a_mismatch_names_the_field_and_says_what_to_do(
    change: Callable[[pb.ModelConfig], None], named: str
) -> None:
    """One field changed is one mismatch, with both sides and a remedy."""
    config = make_config()
    change(config)
    found = check_config(config, ["1"], EXPECTED)
    assert isinstance(found, tuple)
    (mismatch,) = found
    assert mismatch.field == named
    assert mismatch.remedy in str(mismatch)


@pytest.mark.parametrize("versions", [[], ["1", "2"]])
def test_one_version_serves(versions: list[str]) -> None:
    """With none, or several that share one config, it is not known which graph would answer."""
    found = check_config(make_config(), versions, EXPECTED)
    assert isinstance(found, tuple)
    assert [mismatch.field for mismatch in found] == ["versions"]


def test_instances_are_counted_on_every_gpu() -> None:
    """Two groups: one of two on each of three GPUs, one of one."""
    config = pb.ModelConfig()
    config.instance_group.add(count=2, gpus=[0, 1, 2])
    config.instance_group.add(count=1)
    assert instances_of(config) == 7


def test_the_exporter_writes_what_is_checked() -> None:
    """Both sides have their own list of names; they are the same."""
    assert set(triton_check.IDENTITY) == set(names.IDENTITY)
    assert triton_check.MODEL_PREFIX == names.MODEL_PREFIX
