"""The bytes of a batch, against Triton's own message class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.backend.triton_check import Accepted, check_config
from ctr_service.backend.triton_faults import FaultKind, TritonFault
from ctr_service.backend.triton_wire import _bytes_of
from tests.support.fake_triton import arrays_of, make_config
from tests.support.triton_world import EXPECTED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_service.backend.triton_wire import ModelWire


def make_wire() -> ModelWire:
    """What requests to the fitting model look like."""
    accepted = check_config(make_config(), ["1"], EXPECTED)
    assert isinstance(accepted, Accepted)
    return accepted.wire


WIRE = make_wire()


def batch(rows: int, bucket: int) -> dict[str, NDArray[np.generic]]:
    """Any batch."""
    rng = np.random.default_rng(rows)
    return {
        INPUT_IDS: rng.integers(0, 1 << 30, (rows, bucket), dtype=np.int32),
        LENGTHS: rng.integers(1, bucket + 1, rows, dtype=np.int32),
        FIRST_LENGTHS: rng.integers(1, bucket + 1, rows, dtype=np.int32),
    }


def by_the_library(tensors: dict[str, NDArray[np.generic]], timeout_us: int) -> bytes:
    """The same request, filled in field by field."""
    request = service_pb2.ModelInferRequest(model_name="ctr_joint", model_version="1")
    for name, array in tensors.items():
        shape = array.shape if name == INPUT_IDS else (*array.shape, 1)
        request.inputs.add(name=name, datatype="INT32", shape=shape)
        request.raw_input_contents.append(array.tobytes())
    request.outputs.add(name=LOGITS)
    request.parameters["timeout"].int64_param = timeout_us
    return bytes(request.SerializeToString())


@given(st.integers(1, 40), st.integers(1, 70), st.integers(1, 10_000_000))
def test_the_joined_parts_are_the_message_that_the_library_makes(
    rows: int, bucket: int, timeout_us: int
) -> None:
    """Any shape: parsed, it equals the request built by Triton's own class."""
    tensors = batch(rows, bucket)
    raw = WIRE.encode(tensors, timeout_us * 1_000)
    expected = service_pb2.ModelInferRequest.FromString(by_the_library(tensors, timeout_us))
    assert service_pb2.ModelInferRequest.FromString(raw) == expected


def test_a_tensor_goes_into_the_message_from_its_own_memory() -> None:
    """No bytes of it are made on the way: the one copy is the message itself."""
    array = batch(4, 20)[INPUT_IDS]
    assert np.shares_memory(np.frombuffer(_bytes_of(array), np.int32), array)


def test_an_array_that_is_not_contiguous_travels_as_it_reads() -> None:
    """A slice of a wider array arrives with its own numbers."""
    tensors = batch(4, 20)
    tensors[INPUT_IDS] = tensors[INPUT_IDS][:, 3:11]
    request = service_pb2.ModelInferRequest.FromString(WIRE.encode(tensors, 1_000))
    np.testing.assert_array_equal(arrays_of(request)[INPUT_IDS], tensors[INPUT_IDS])


def test_a_timeout_below_a_microsecond_is_still_one() -> None:
    """0 would mean Triton's default instead of none at all."""
    request = service_pb2.ModelInferRequest.FromString(WIRE.encode(batch(1, 8), 1))
    assert request.parameters["timeout"].int64_param == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {LENGTHS: np.zeros(3, np.int64)},
        {LENGTHS: np.zeros((3, 1), np.int32)},
        {INPUT_IDS: np.zeros(3, np.int32)},
    ],
)
def test_a_tensor_of_another_dtype_or_rank_is_not_sent(
    wrong: dict[str, NDArray[np.generic]],
) -> None:
    """Its bytes would be read as other numbers."""
    with pytest.raises(TritonFault) as caught:
        WIRE.encode({**batch(3, 8), **wrong}, 1_000)
    assert caught.value.kind is FaultKind.REFUSED
    assert next(iter(wrong)) in str(caught.value)


def answer(**changes: object) -> service_pb2.ModelInferResponse:
    """An answer to three rows."""
    fields = {"name": LOGITS, "datatype": "FP32", "shape": [3, 1], **changes}
    raw = fields.pop("raw", np.arange(3, dtype=np.float32).tobytes())
    made = service_pb2.ModelInferResponse(
        model_name=fields.pop("model", "ctr_joint"), model_version=fields.pop("version", "1")
    )
    made.outputs.add(**fields)
    made.raw_output_contents.append(raw)
    return made


@pytest.mark.parametrize("shape", [[3], [3, 1]])
def test_an_answer_is_one_logit_a_row(shape: list[int]) -> None:
    """With the wire's added dimension or without."""
    outputs = WIRE.decode(answer(shape=shape), 3)
    np.testing.assert_array_equal(outputs[LOGITS], np.arange(3, dtype=np.float32))


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "other"},
        {"version": "2"},
        {"name": "scores"},
        {"datatype": "FP16"},
        {"shape": [4, 1]},
        {"shape": [3, 2]},
        {"raw": b"\0" * 8},
    ],
)
def test_an_answer_that_was_not_asked_for_is_a_fault(changes: dict[str, object]) -> None:
    """Another model, version, output, dtype, shape or size gives no score."""
    with pytest.raises(TritonFault) as caught:
        WIRE.decode(answer(**changes), 3)
    assert caught.value.kind is FaultKind.GARBLED
