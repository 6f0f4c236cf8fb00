"""One file a protocol: bytes that the servers read, and answers that the generator counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tritonclient.grpc import service_pb2

from ctr.v1 import prediction_pb2
from ctr_bench.answers import Counts
from ctr_bench.record import DEADLINE_EXCEEDED, OK, RESOURCE_EXHAUSTED
from ctr_bench.searches import Search
from ctr_bench.senders import http_json, open_inference
from ctr_bench.senders.opening import open_sender
from ctr_client.messages import Item
from ctr_service.server.decode import Decoder
from ctr_service.server.open_inference_bytes import pack_bytes
from ctr_service.server.open_inference_decode import decode_infer
from peers.common import Search as PeerSearch
from peers.common import search_of
from peers.sync_grpc import search_of_bytes
from tests.support.redis_server import free_port
from tests.support.tiny_bundle import TINY_SCHEMA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

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
    decoder = Decoder(TINY_SCHEMA)
    message = service_pb2.ModelInferRequest.FromString(open_inference.serialise(SEARCH, "ctr"))
    found = decode_infer(message, decoder, request_id="r", deadline_ns=7).search
    wire = prediction_pb2.PredictClicksRequest.FromString(SEARCH.serialise())
    assert found == decoder.decode(wire, request_id="r", deadline_ns=7)


def test_json_is_the_same_search_to_the_peers() -> None:
    """What the HTTP peers read equals what the gRPC peer reads, but for tuples and lists."""

    def plain(search: PeerSearch) -> object:
        return json.loads(json.dumps(search.__dict__))

    found = search_of(json.loads(http_json.serialise(SEARCH)))
    assert plain(found) == plain(search_of_bytes(SEARCH.serialise()))


def infer_response(*outputs: tuple[str, str, bytes]) -> bytes:
    """An answer with raw contents."""
    message = service_pb2.ModelInferResponse()
    for name, datatype, raw in outputs:
        message.outputs.add(name=name, datatype=datatype, shape=[2])
        message.raw_output_contents.append(raw)
    return bytes(message.SerializeToString())


HALF_AND_NAN = b"\x00\x00\x00\x3f\x00\x00\xc0\x7f"


async def test_open_inference_answers_are_counted_by_status_or_by_probability() -> None:
    """A gateway says statuses; of a Triton, what has a finite probability counts as scored."""
    sender = open_inference.OpenInferenceSender(None)  # type: ignore[arg-type]  # -- it only counts
    bare = infer_response(("click_probability", "FP32", HALF_AND_NAN))
    assert sender.count(bare) == Counts(1, 0, 0, 0)
    status = pack_bytes([b"FALLBACK", b"SCORED"])
    told = infer_response(("click_probability", "FP32", HALF_AND_NAN), ("status", "BYTES", status))
    assert sender.count(told) == Counts(1, 1, 0, 0)
    typed = service_pb2.ModelInferResponse()
    typed.outputs.add(name="click_probability").contents.fp32_contents.extend([0.25, 0.5])
    assert open_inference.probabilities_of(typed.SerializeToString()) == [0.25, 0.5]
    with pytest.raises(ValueError, match="no output click_probability"):
        sender.count(infer_response(("logits", "FP32", HALF_AND_NAN)))


@contextlib.asynccontextmanager
async def http_server(
    answers: Callable[[web.Request], Awaitable[web.Response]],
) -> AsyncIterator[str]:
    """Serve POST /inference by a function; yield the target."""
    application = web.Application()
    application.router.add_post("/inference", answers)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}/inference"
    await runner.cleanup()


async def test_http_answers_and_refusals_become_grpc_codes() -> None:
    """200 is OK with its body; 429 is RESOURCE_EXHAUSTED; what no code explains is INTERNAL."""

    async def answers(request: web.Request) -> web.Response:
        status = int((await request.json())["status"])
        return web.json_response({"scores": [0.1, 0.2]}, status=status)

    async with http_server(answers) as target, open_sender(target) as sender:
        code, body = await sender.ask(b'{"status": 200}', 5)
        assert (code, sender.count(body)) == (OK, Counts(2, 0, 0, 0))
        assert await sender.ask(b'{"status": 429}', 5) == (RESOURCE_EXHAUSTED, b"")
        assert await sender.ask(b'{"status": 422}', 5) == (http_json.INTERNAL, b"")


async def test_http_callers_keep_their_deadline_and_a_dead_server_is_unavailable() -> None:
    """A server that never answers is left at the deadline; one that is not there is UNAVAILABLE."""

    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with http_server(never) as target, open_sender(target) as sender:
        assert await sender.ask(b"{}", 0.05) == (DEADLINE_EXCEEDED, b"")
    async with open_sender(f"http://127.0.0.1:{free_port()}/inference") as sender:
        assert await sender.ask(b"{}", 5) == (http_json.UNAVAILABLE, b"")


@pytest.mark.parametrize("answer", [b'{"score": [1]}', b'{"scores": 1}', b"[]", b"nonsense"])
def test_an_answer_of_another_form_is_no_answer(answer: bytes) -> None:
    """It is an error of the bench, not a count of zero."""
    with pytest.raises(ValueError, match=r"answer|Expecting"):
        http_json.probabilities_of(answer)


def test_an_unknown_scheme_names_the_known_ones() -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="ftp:// is none of"):
        open_sender("ftp://127.0.0.1:1")
