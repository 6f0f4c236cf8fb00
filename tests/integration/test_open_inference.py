"""An unmodified tritonclient against the real process: the same numbers as ctr.v1 gives."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from ctr_client.client import PredictionClient
from ctr_client.messages import Item, search
from tests.support.gateway import Gateway, running_gateway
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

INFER = "/inference.GRPCInferenceService/ModelInfer"
QUERY = "thermal mug"
TITLES = ("blue thermal mug", "红色的保温杯", "a mug that keeps coffee hot, 450 ml", "", "lamp")
FEATURES: tuple[dict[str, Any], ...] = (
    {"price": 19.9, "brand": "acme", "tags": ["hot", "new"]},
    {"price": 3},
    {},
    {"brand": None, "unheard": "x"},
    {"tags": []},
)
USER, CONTEXT = {"segment": "commuter"}, {"hour": 8}
DEADLINE_S = 9.0


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that serves the tiny bundle, model "tiny", version "t1"."""
    bundle = make_tiny_bundle(tmp_path_factory.mktemp("oip") / "bundle")
    with running_gateway(bundle) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway) -> Iterator[triton.InferenceServerClient]:
    """Tritonclient as it comes."""
    with triton.InferenceServerClient(gateway.target) as connected:
        yield connected


def tensor(name: str, texts: Sequence[str | bytes], kind: Any = triton.InferInput) -> Any:  # noqa: ANN401 -- tritonclient has no types
    """One BYTES input."""
    data = np.array([t if isinstance(t, bytes) else t.encode() for t in texts], dtype=np.object_)
    made = kind(name, [len(texts)], "BYTES")
    made.set_data_from_numpy(data)
    return made


def inputs(kind: Any = triton.InferInput) -> list[Any]:  # noqa: ANN401 -- tritonclient has no types
    """The whole list, with features."""
    return [
        tensor("query", [QUERY], kind),
        tensor("title", TITLES, kind),
        tensor("features", [json.dumps(features) for features in FEATURES], kind),
    ]


PARAMETERS = {"user_features": json.dumps(USER), "context_features": json.dumps(CONTEXT)}


def by_ctr_v1(gateway: Gateway) -> NDArray[np.float32]:
    """The same list's probabilities from PredictClicks."""
    items = [
        Item(
            str(number),
            title,
            features={name: value for name, value in features.items() if value is not None},
        )
        for number, (title, features) in enumerate(zip(TITLES, FEATURES, strict=True))
    ]
    with PredictionClient(gateway.target) as ours:
        answer = ours.predict_clicks(
            search(QUERY, items, user=USER, context=CONTEXT), deadline_s=DEADLINE_S
        )
    return np.array([p.click_probability for p in answer.predictions], dtype=np.float32)


def test_tritonclient_gets_the_numbers_of_ctr_v1(
    gateway: Gateway, client: triton.InferenceServerClient
) -> None:
    """Raw tensors of an unmodified tritonclient score to the very same 32-bit numbers."""
    result = client.infer("tiny", inputs(), request_id="r1", parameters=PARAMETERS)
    expected = by_ctr_v1(gateway)
    assert len(set(expected.tolist())) == len(TITLES)
    np.testing.assert_array_equal(result.as_numpy("click_probability"), expected)
    assert result.as_numpy("click_probability").dtype == np.float32
    assert result.as_numpy("status").tolist() == [b"SCORED"] * len(TITLES)
    answer = result.get_response()
    assert (answer.model_name, answer.model_version, answer.id) == ("tiny", "t1", "r1")
    assert not answer.parameters["degraded"].bool_param
    assert answer.parameters["fallbacks"].int64_param == 0


async def test_the_asyncio_tritonclient_gets_them_too(gateway: Gateway) -> None:
    """`tritonclient.grpc.aio`, with one output asked for by name."""
    async with triton_aio.InferenceServerClient(gateway.target) as client:
        assert await client.is_server_ready()
        wanted = [triton_aio.InferRequestedOutput("click_probability")]
        result = await client.infer(
            "tiny", inputs(triton_aio.InferInput), outputs=wanted, parameters=PARAMETERS
        )
    np.testing.assert_array_equal(result.as_numpy("click_probability"), by_ctr_v1(gateway))
    assert result.as_numpy("status") is None


def test_typed_contents_score_as_raw_ones_do(gateway: Gateway) -> None:
    """`contents.bytes_contents` is the protocol's other form."""
    request = service_pb2.ModelInferRequest(model_name="tiny")
    for name, texts in (("query", [QUERY]), ("title", TITLES)):
        request.inputs.add(
            name=name,
            datatype="BYTES",
            shape=[len(texts)],
            contents=service_pb2.InferTensorContents(bytes_contents=[t.encode() for t in texts]),
        )
    with triton.InferenceServerClient(gateway.target) as client:
        raw = client.infer("tiny", inputs()[:2]).as_numpy("click_probability")
    with grpc.insecure_channel(gateway.target) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(INFER, None, None)
        answer = service_pb2.ModelInferResponse.FromString(
            call(request.SerializeToString(), timeout=DEADLINE_S)
        )
    np.testing.assert_array_equal(np.frombuffer(answer.raw_output_contents[0], np.float32), raw)


def test_an_invalid_candidate_is_nan_and_its_neighbours_are_scored(
    client: triton.InferenceServerClient,
) -> None:
    """Broken features, a long title and broken UTF-8: NaN, with the reason beside it."""
    titles: list[str | bytes] = ["mug", "mug", "m" * 1025, b"\xff", "mug"]
    features = ["", "{", "", "", '{"price": "cheap"}']
    result = client.infer(
        "tiny", [tensor("query", ["mug"]), tensor("title", titles), tensor("features", features)]
    )
    probabilities = result.as_numpy("click_probability")
    assert np.isnan(probabilities).tolist() == [False, True, True, True, True]
    assert result.as_numpy("status").tolist() == [b"SCORED"] + [b"INVALID"] * 4
    assert result.as_numpy("reason").tolist() == [
        b"",
        b"MALFORMED_REQUEST",
        b"TEXT_TOO_LONG",
        b"MALFORMED_REQUEST",
        b"FEATURE_TYPE_MISMATCH",
    ]
    assert result.get_response().parameters["invalid"].int64_param == 4


@pytest.mark.parametrize(
    ("model", "made", "code", "part"),
    [
        ("other", inputs, "NOT_FOUND", "model tiny"),
        ("tiny", lambda: inputs()[:1], "INVALID_ARGUMENT", "title is missing"),
        (
            "tiny",
            lambda: [tensor("query", ["a"]), tensor("title", ["t"] * 1001)],
            "INVALID_ARGUMENT",
            "1001",
        ),
        (
            "tiny",
            lambda: [tensor("query", ["a", "b"]), tensor("title", ["t"])],
            "INVALID_ARGUMENT",
            "query.shape must be [1]",
        ),
    ],
)
def test_a_wrong_request_is_a_sentence(
    client: triton.InferenceServerClient,
    model: str,
    made: Callable[[], list[Any]],
    code: str,
    part: str,
) -> None:
    """Tritonclient raises with our code and sentence."""
    with pytest.raises(InferenceServerException) as caught:
        client.infer(model, made())
    assert caught.value.status() == f"StatusCode.{code}"
    assert part in caught.value.message()


@pytest.mark.parametrize(
    "method", ["ModelInfer", "ModelMetadata", "ServerLive", "ModelReady", "ServerMetadata"]
)
def test_malformed_bytes_are_an_invalid_argument(gateway: Gateway, method: str) -> None:
    """Not UNKNOWN, as from gRPC's own deserialiser."""
    with grpc.insecure_channel(gateway.target) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            f"/inference.GRPCInferenceService/{method}", None, None
        )
        with pytest.raises(grpc.RpcError) as caught:
            call(b"\xff\xff", timeout=DEADLINE_S)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_the_server_and_the_model_describe_themselves(
    client: triton.InferenceServerClient,
) -> None:
    """Readiness, metadata and configuration agree with each other and with the model."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("tiny", "t1")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata(as_json=True)["name"] == "ctr-serve"
    metadata = client.get_model_metadata("tiny")
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.inputs][:2] == [
        ("query", "BYTES", [1]),
        ("title", "BYTES", [-1]),
    ]
    assert (metadata.outputs[0].name, metadata.outputs[0].datatype) == ("click_probability", "FP32")
    config = client.get_model_config("tiny").config
    assert config.max_batch_size == 0
    assert {i.name: i.optional for i in config.input} == {
        "query": False,
        "title": False,
        "features": True,
    }
    assert config.parameters["graph"].string_value == "joint/onnxruntime/fp32"


def test_statistics_count_both_protocols(
    gateway: Gateway, client: triton.InferenceServerClient
) -> None:
    """Candidates, lists, failures and times since the process started."""
    before = client.get_inference_statistics("tiny").model_stats[0]
    client.infer("tiny", inputs())
    by_ctr_v1(gateway)
    with pytest.raises(InferenceServerException):
        client.infer("other", inputs())
    after = client.get_inference_statistics("tiny").model_stats[0]
    assert after.inference_count - before.inference_count == 2 * len(TITLES)
    success, old = after.inference_stats.success, before.inference_stats.success
    assert success.count - old.count == 2
    assert success.ns > old.ns
    assert after.inference_stats.fail.count - before.inference_stats.fail.count == 1
    assert after.execution_count > 0
    assert after.version == "1"  # perf_analyzer reads it as an integer
    assert after.last_inference > before.last_inference - 1


def test_the_timeout_parameter_shortens_the_deadline(
    client: triton.InferenceServerClient,
) -> None:
    """Triton's `timeout`, in microseconds: one that nobody can keep is DEADLINE_EXCEEDED."""
    with pytest.raises(InferenceServerException) as caught:
        client.infer("tiny", [tensor("query", ["never asked"]), inputs()[1]], timeout=1)
    assert caught.value.status() in {
        "StatusCode.DEADLINE_EXCEEDED",
        "StatusCode.RESOURCE_EXHAUSTED",
    }
    assert client.infer("tiny", inputs(), timeout=5_000_000, priority=2).as_numpy("status").size


def test_reflection_describes_the_second_protocol(gateway: Gateway) -> None:
    """Grpcurl finds it."""
    with grpc.insecure_channel(gateway.target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert "inference.GRPCInferenceService" in database.get_services()
        pool = DescriptorPool(database)
        message = pool.FindMessageTypeByName("inference.ModelInferRequest")
    assert "raw_input_contents" in message.fields_by_name


def test_it_can_be_left_out(tmp_path: Path) -> None:
    """`--no-open-inference`: the methods are not there."""
    bundle = make_tiny_bundle(tmp_path / "bundle")
    with (
        running_gateway(bundle, "--no-open-inference") as plain,
        triton.InferenceServerClient(plain.target) as client,
        pytest.raises(InferenceServerException) as caught,
    ):
        client.infer("tiny", inputs())
    assert caught.value.status() == "StatusCode.UNIMPLEMENTED"


def test_an_element_cut_short_is_a_sentence(gateway: Gateway) -> None:
    """A length that points past the end of a raw tensor is the caller's mistake."""
    request = service_pb2.ModelInferRequest(model_name="tiny")
    request.inputs.add(name="query", datatype="BYTES", shape=[1])
    request.inputs.add(name="title", datatype="BYTES", shape=[1])
    request.raw_input_contents.extend([struct.pack("<I", 1) + b"q", struct.pack("<I", 9) + b"t"])
    with grpc.insecure_channel(gateway.target) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(INFER, None, None)
        with pytest.raises(grpc.RpcError, match="title is no BYTES tensor"):
            call(request.SerializeToString(), timeout=DEADLINE_S)
