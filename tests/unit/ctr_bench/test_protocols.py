"""The protocols: bytes that the servers read, and answers that the generator counts."""

from __future__ import annotations

import json

import pytest
from tritonclient.grpc import service_pb2

from ctr_bench.answers import Counts
from ctr_bench.http_json import probabilities_of_json, serialise_json
from ctr_bench.job import HTTP_JSON, OPEN_INFERENCE
from ctr_bench.open_inference import probabilities_of_infer, serialise_infer
from ctr_bench.protocols import reader_of
from ctr_bench.searches import Search
from ctr_client.messages import Item
from ctr_service.bundle.template import Renderer
from ctr_service.server.decode import Decoder
from ctr_service.server.envelope import ENVELOPE
from ctr_service.server.open_inference_bytes import pack_bytes
from ctr_service.server.open_inference_decode import decode_infer
from peers.common import Search as PeerSearch
from peers.common import search_of
from peers.sync_grpc import search_of_bytes
from tests.support.tiny_bundle import TINY_SCHEMA, TINY_TEMPLATE

SEARCH = Search(
    "røde lamper",
    [
        Item("0", "red lamp", features={"price": 19.5, "brand": "acme", "tags": ("hot", "new")}),
        Item("1", "灯", features={}),
    ],
    user={"segment": "loyal"},
    context={"hour": 7.0},
)


def test_open_inference_bytes_are_the_same_search_to_the_gateway() -> None:
    """Its decoder makes the same request of them as of ctr.v1's."""
    decoder = Decoder(Renderer(TINY_TEMPLATE, TINY_SCHEMA))
    message = service_pb2.ModelInferRequest.FromString(serialise_infer(SEARCH, model="ctr"))
    found = decode_infer(message, decoder, request_id="r", deadline_ns=7).search
    wire = ENVELOPE.FromString(SEARCH.serialise())
    assert found == decoder.decode(wire, request_id="r", deadline_ns=7)


def test_json_is_the_same_search_to_the_peers() -> None:
    """What the HTTP peers read equals what the gRPC peer reads, but for tuples and lists."""

    def plain(search: PeerSearch) -> object:
        return json.loads(json.dumps(search.__dict__))

    found = search_of(json.loads(serialise_json(SEARCH)))
    assert plain(found) == plain(search_of_bytes(SEARCH.serialise()))


def infer_response(*outputs: tuple[str, str, bytes]) -> bytes:
    """An answer with raw contents."""
    message = service_pb2.ModelInferResponse()
    for name, datatype, raw in outputs:
        message.outputs.add(name=name, datatype=datatype, shape=[2])
        message.raw_output_contents.append(raw)
    return bytes(message.SerializeToString())


HALF_AND_NAN = b"\x00\x00\x00\x3f\x00\x00\xc0\x7f"


def test_open_inference_answers_are_counted_by_status_or_by_probability() -> None:
    """A gateway says statuses; of a Triton, what has a finite probability counts as scored."""
    read = reader_of(OPEN_INFERENCE)
    bare = infer_response(("click_probability", "FP32", HALF_AND_NAN))
    assert read(bare).counts == Counts(1, 0, 0, 0)
    status = pack_bytes([b"FALLBACK", b"SCORED"])
    told = infer_response(("click_probability", "FP32", HALF_AND_NAN), ("status", "BYTES", status))
    assert read(told).counts == Counts(1, 1, 0, 0)
    others = infer_response(("logits", "FP32", HALF_AND_NAN))
    assert read(others).counts == Counts(2, 0, 0, 0)


def test_probabilities_come_raw_or_typed() -> None:
    """Triton sends them raw, MLServer typed; an answer without any is an error, not a zero."""
    assert probabilities_of_infer(
        infer_response(("click_probability", "FP32", HALF_AND_NAN[:4]))
    ) == [0.5]
    typed = service_pb2.ModelInferResponse()
    typed.outputs.add(name="click_probability").contents.fp32_contents.extend([0.25, 0.5])
    assert probabilities_of_infer(typed.SerializeToString()) == [0.25, 0.5]
    with pytest.raises(ValueError, match="no output click_probability"):
        probabilities_of_infer(infer_response(("logits", "FP32", HALF_AND_NAN)))


def test_json_answers_are_counted_by_probability() -> None:
    """What is no number has not been scored."""
    assert reader_of(HTTP_JSON)(b'{"scores": [0.1, NaN]}').counts == Counts(1, 0, 0, 0)


@pytest.mark.parametrize("answer", [b'{"score": [1]}', b'{"scores": 1}', b"[]", b"nonsense"])
def test_an_answer_of_another_form_is_no_answer(answer: bytes) -> None:
    """It is an error of the bench, not a count of zero."""
    with pytest.raises(ValueError, match=r"answer|Expecting"):
        probabilities_of_json(answer)
