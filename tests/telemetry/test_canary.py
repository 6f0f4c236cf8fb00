"""Personal data is planted in every field, and sought in everything that a gateway says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from ctr.v1 import prediction_pb2 as pb
from ctr_client.client import PredictionClient
from ctr_client.errors import PredictionError
from ctr_client.messages import Item, search
from ctr_client.options import ClientOptions
from ctr_service.server.tokens_file import entry_of
from tests.support.faulty_gateway import FAILS, QUOTED, QUOTES
from tests.support.gateway import running_gateway
from tests.support.grpc_server import PREDICT
from tests.support.otlp_receiver import otlp_receiver, sending_to
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_client.messages import PlainValue
    from tests.support.gateway import Gateway

CANARY = "canary7391"
NUMBER = 73917391.5
DEADLINE_S = 10.0
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
METADATA = (
    ("traceparent", f"00-{TRACE_ID}-b7ad6b7169203331-01"),
    ("tracestate", f"vendor={CANARY}"),
    ("baggage", f"user={CANARY}"),
    ("x-user", CANARY),
    ("authorization", f"Bearer {CANARY}"),
)


def planted(**changes: Any) -> pb.PredictClicksRequest:  # noqa: ANN401 -- fields of the message
    """A search with a canary in every field."""
    features: dict[str, PlainValue] = {
        "price": NUMBER,
        "brand": f"{CANARY}-brand",
        "tags": (f"{CANARY}-tag",),
    }
    items = [
        Item(f"{CANARY}-{n}", f"{CANARY} {text}", item_version=CANARY, features=features)
        for n, text in enumerate(("red mug", "blue mug"))
    ]
    message = search(
        f"{CANARY} query",
        items,
        user_id=f"{CANARY}-user",
        user={"segment": CANARY},
        context={f"{CANARY}-unknown": CANARY},
        request_id=f"{CANARY}-request",
    )
    message.MergeFrom(pb.PredictClicksRequest(**changes))
    return message


def bad_items() -> pb.PredictClicksRequest:
    """Items that are invalid in every way that quotes them: twice the same id, wrong types."""
    message = planted()
    message.candidates.append(message.candidates[0])
    message.candidates.append(pb.Candidate(item_id=f"{CANARY}-typed", title=CANARY))
    message.candidates[-1].features["price"].text = CANARY
    message.candidates.append(pb.Candidate(item_id=f"{CANARY}-long", title=CANARY * 200))
    return message


def engine_fails(how: str) -> pb.PredictClicksRequest:
    """A list whose batch the engine fails."""
    message = planted()
    del message.candidates[1:]
    message.candidates[0].title = how
    return message


def send_everything(gateway: Gateway) -> list[str]:
    """Send canaries by every way that a call may go; return how each ended."""
    requests = [
        (planted(), DEADLINE_S),
        (bad_items(), DEADLINE_S),
        (engine_fails(FAILS), DEADLINE_S),
        (engine_fails(QUOTES), DEADLINE_S),
        (planted(query=CANARY * 100), DEADLINE_S),
        (planted(request_id=CANARY * 100), DEADLINE_S),
        (planted(model=pb.ModelRef(name=f"{CANARY}-model")), DEADLINE_S),
        (planted(query=f"{CANARY} late"), 0.000_001),
    ]
    endings: list[str] = []
    with PredictionClient(gateway.target, ClientOptions(max_attempts=1)) as client:
        for request, deadline_s in requests:
            try:
                client.predict_clicks(request, deadline_s=deadline_s)
                endings.append("OK")
            except PredictionError as error:
                endings.append(error.reason or error.code.name)
    with grpc.insecure_channel(gateway.target) as channel:
        for path, raw in (
            (PREDICT, f"{CANARY} is no message".encode()),
            (PREDICT, planted(query=f"{CANARY} traced").SerializeToString()),
            (f"/ctr.v1.PredictionService/{CANARY}", b""),
        ):
            try:
                channel.unary_unary(path, None, None)(raw, timeout=DEADLINE_S, metadata=METADATA)
                endings.append("OK")
            except grpc.RpcError as error:
                endings.append(error.code().name)
    return endings


@pytest.mark.parametrize("tokens", [False, True], ids=["open", "with-tokens"])
def test_what_a_caller_sends_is_found_in_no_signal(tmp_path: Path, *, tokens: bool) -> None:
    """Neither in exported spans, nor in a log at level debug, nor on the metrics page."""
    bundle = make_tiny_bundle(tmp_path / "bundle")
    flags = ["--log-level", "debug", "--trace-ratio", "1", "--log-lines-per-minute", "0"]
    if tokens:
        file = tmp_path / "tokens.toml"
        file.write_text(entry_of("somebody", "another token"))
        flags += ["--tokens-file", str(file)]
    with otlp_receiver() as receiver:
        variables = {**sending_to(receiver), QUOTED: f"{CANARY} quoted"}
        with running_gateway(
            bundle, *flags, module="tests.support.faulty_gateway", variables=variables
        ) as gateway:
            endings = send_everything(gateway)
            pages = gateway.metrics() + gateway.metrics(OPENMETRICS)
            assert gateway.stop() == 0
            said = gateway.everything_said
    if tokens:
        assert endings.count("UNAUTHENTICATED") >= 7
    else:
        assert endings[:2] == ["OK", "OK"]
        assert "BACKEND_FAILED" in endings
        assert {"TEXT_TOO_LONG", "ID_TOO_LONG", "MODEL_NOT_FOUND"} <= set(endings)
        assert endings[-3:-1] == ["INVALID_ARGUMENT", "OK"]
        assert any(span.trace_id == TRACE_ID for span in receiver.spans)
        assert "unhandled_in_loop" in said
    assert "call_refused" in said
    assert len(receiver.spans) >= 7
    assert "traces_span_metrics_calls_total" in pages
    for signal in (*receiver.raw, said.encode(), pages.encode()):
        assert CANARY.encode() not in signal
        assert str(NUMBER).encode() not in signal
