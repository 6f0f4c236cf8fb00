"""What runs is what the catalogue declares: spans, edges, links, attributes, resource."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from tritonclient.grpc import service_pb2

from ctr_client.errors import PredictionError
from ctr_client.messages import Item, search
from ctr_client.security import Security
from ctr_service.server.tokens_file import entry_of, new_token
from ctr_service.telemetry import names
from ctr_service.telemetry.names import span_metrics, spans
from tests.support.grpc_server import raw_method
from tests.support.otlp_receiver import OtlpReceiver, Received, otlp_receiver, sending_to
from tests.support.tiny_bundle import ALPHABET, SPECIAL_TOKENS, make_tiny_bundle
from tests.support.traced_app import TracedApp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_client.aio_client import AsyncPredictionClient
    from ctr_service.backend.scripted import ScriptedRun

POISON_TITLE = "9"
POISON = frozenset({len(SPECIAL_TOKENS) + ALPHABET.index(POISON_TITLE)})
DEADLINE_S = 10.0
KINDS = {spans.SpanKind.INTERNAL: 1, spans.SpanKind.SERVER: 2}
TYPES = {spans.Type.STRING: str, spans.Type.INT: int, spans.Type.BOOLEAN: bool}
LISTS = {spans.PREDICT_CLICKS.name, spans.MODEL_INFER.name}


class Turnstile:
    """A script that holds runs while it is not free."""

    def __init__(self) -> None:
        self.free, self.held = asyncio.Event(), asyncio.Event()
        self.free.set()

    async def __call__(self, _: ScriptedRun) -> None:
        """Pass, or wait."""
        if not self.free.is_set():
            self.held.set()
        await self.free.wait()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpReceiver]:
    """A receiver that gateways of this test send their spans to."""
    with otlp_receiver() as receiver:
        for name, value in sending_to(receiver).items():
            monkeypatch.setenv(name, value)
        yield receiver


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle."""
    return make_tiny_bundle(tmp_path / "bundle")


async def ask(client: AsyncPredictionClient, *titles: str, deadline_s: float = DEADLINE_S) -> str:
    """Score titles; return the reason of a refusal."""
    items = [Item(f"i{number}", title) for number, title in enumerate(titles)]
    try:
        await client.predict_clicks(search("mug", items), deadline_s=deadline_s)
    except PredictionError as error:
        return error.reason
    return ""


async def describe_over_open_inference(target: str, token: str) -> None:
    """Call every method of Open Inference that has a span, the list one too."""
    async with grpc.aio.insecure_channel(target) as channel:

        async def call(method: str, message: object) -> None:
            path = f"/{spans.OPEN_INFERENCE}/{method}"
            raw: bytes = message.SerializeToString()  # type: ignore[attr-defined]  # -- untyped messages
            metadata = (("authorization", f"Bearer {token}"),)
            await raw_method(channel, path)(raw, timeout=DEADLINE_S, metadata=metadata)

        await call("ServerMetadata", service_pb2.ServerMetadataRequest())
        await call("ModelMetadata", service_pb2.ModelMetadataRequest(name="tiny"))
        await call("ModelConfig", service_pb2.ModelConfigRequest(name="tiny"))
        await call("ModelStatistics", service_pb2.ModelStatisticsRequest(name="tiny"))
        infer = service_pb2.ModelInferRequest(model_name="tiny")
        for name, shape, values in (("query", [1], [b"mug"]), ("title", [1], [b"infer mug"])):
            tensor = infer.inputs.add(name=name, datatype="BYTES", shape=shape)
            tensor.contents.bytes_contents.extend(values)
        await call("ModelInfer", infer)


async def everything(app: TracedApp, token: str) -> None:
    """Calls of every kind: answered, degraded, refused, shed, failed, described."""
    turnstile = app.script = Turnstile()
    security = Security(token=lambda: token)
    async with app.serving(security) as client:
        await ask(client, "red mug", "blue mug")
        assert await ask(client, "green mug", POISON_TITLE) == ""  # the bad row alone falls back
        assert await ask(client, POISON_TITLE) == "BACKEND_FAILED"
        assert await ask(client) == "NO_CANDIDATES"
        await client.get_model()
        await describe_over_open_inference(f"127.0.0.1:{app.app.port}", token)
        turnstile.free.clear()
        asking = asyncio.create_task(ask(client, "held mug"))
        await asyncio.wait_for(turnstile.held.wait(), DEADLINE_S)
        assert await ask(client, "shed mug") == "CALLER_LIMIT"
        turnstile.free.set()
        assert await asking == ""


async def test_declared_spans_edges_links_and_attributes_are_seen_live(
    receiver: OtlpReceiver, bundle: Path, tmp_path: Path
) -> None:
    """Each is seen, and nothing else is; at most six spans a call, and its children lie within."""
    file, token = tmp_path / "tokens.toml", new_token()
    file.write_text(f"[caller.ranker]\nconcurrent_lists = 1\n{entry_of('ranker', token)}")
    app = TracedApp(bundle, {"trace_ratio": 1.0, "tokens_file": file}, poison=POISON)
    await everything(app, token)
    seen = {span.span_id: span for span in receiver.spans}
    assert {span.name for span in seen.values()} == {span.name for span in spans.SPANS}
    declared = {span.name: span for span in spans.SPANS}
    edges, links, attributes = set(), set(), set()
    for span in seen.values():
        ours = declared[span.name]
        assert span.kind == KINDS[ours.kind]
        assert span.scope == spans.SCOPE
        assert span.began_ns <= span.ended_ns
        if span.parent_id:
            parent = seen[span.parent_id]
            assert parent.trace_id == span.trace_id
            assert parent.began_ns <= span.began_ns <= span.ended_ns <= parent.ended_ns
            edges.add((parent.name, span.name))
        for trace_id, span_id in span.links:
            assert seen[span_id].trace_id == trace_id != span.trace_id
            links.add((span.name, seen[span_id].name))
        types = {one.name: TYPES[one.type] for one in ours.attributes}
        for name, value in span.attributes.items():
            assert type(value) is types[name], (span.name, name)
            attributes.add((span.name in LISTS, name))
    assert edges == {(parent, s.name) for s in spans.SPANS for parent in s.parents}
    assert links == {(s.name, other) for s in spans.SPANS for other in s.links}
    of_lists = {name for is_list, name in attributes if is_list}
    wanted = {one.name for one in spans.PREDICT_CLICKS.attributes}
    assert of_lists == wanted
    by_trace: dict[str, list[Received]] = {}
    for span in seen.values():
        by_trace.setdefault(span.trace_id, []).append(span)
    assert max(map(len, by_trace.values())) <= 6


async def test_the_resource_says_which_process_it_is(
    receiver: OtlpReceiver, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Service, release and address; the environment's own words are added, and win."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "ranker")
    app = TracedApp(bundle, {"trace_ratio": 1.0})
    async with app.serving() as client:
        await client.get_model()
        page = {f.name: f for f in app.instruments.registry.collect()}
    (span,) = receiver.spans
    assert span.resource["service.name"] == "ranker"
    assert span.resource["service.instance.id"] == f"127.0.0.1:{app.app.port}"
    assert span.resource["deployment.environment.name"] == "test"
    assert {one.name for one in spans.RESOURCE} <= set(span.resource)
    labels = page[span_metrics.CALLS.name].samples[0].labels
    assert labels["service_name"] == "ranker"


async def test_a_frontends_trace_goes_on_in_the_gateway(
    receiver: OtlpReceiver, bundle: Path
) -> None:
    """`ctr_client` sends the current span's context, whose choice to sample wins over the ratio."""
    app = TracedApp(bundle, {"trace_ratio": 0.0})
    ids = SpanContext(0xABCDEF, 0x1234, is_remote=False, trace_flags=TraceFlags(1))
    async with app.serving() as client:
        await ask(client, "red mug")
        with trace.use_span(NonRecordingSpan(ids)):
            await ask(client, "blue mug")
    (server,) = receiver.named(spans.PREDICT_CLICKS.name)
    assert int(server.trace_id, 16) == ids.trace_id
    assert int(server.parent_id, 16) == ids.span_id


async def test_what_failed_or_was_slow_is_exported_beyond_the_ratio(
    receiver: OtlpReceiver, bundle: Path
) -> None:
    """With a ratio of 0: the slow list and the failed one, with their batches; no refusal."""
    seconds = {"a run": 0.0}

    async def slow(_: ScriptedRun) -> None:
        await asyncio.sleep(seconds["a run"])

    flags = {"trace_ratio": 0.0, "trace_slow_ms": 200.0}
    app = TracedApp(bundle, flags, script=slow, poison=POISON)
    async with app.serving() as client:
        assert await ask(client, "two", "rows") == ""
        assert await ask(client) == "NO_CANDIDATES"
        seconds["a run"] = 0.25
        assert await ask(client, "slow") == ""
        seconds["a run"] = 0.0
        assert await ask(client, POISON_TITLE, "9 9") == "BACKEND_FAILED"
    servers = receiver.named(spans.PREDICT_CLICKS.name)
    assert [span.attributes[spans.RPC_STATUS.name] for span in servers] == ["OK", "UNAVAILABLE"]
    assert [span.failed for span in servers] == [False, True]
    (slow_span, failed) = servers
    compute = next(s for s in receiver.named("ctr.compute") if s.parent_id == slow_span.span_id)
    assert compute.ended_ns - compute.began_ns >= 200_000_000
    linked = {link for batch in receiver.named("ctr.batch") for link in batch.links}
    assert linked == {(slow_span.trace_id, slow_span.span_id), (failed.trace_id, failed.span_id)}


async def test_a_batch_that_outlives_its_call_is_linked_to_it(
    receiver: OtlpReceiver, bundle: Path
) -> None:
    """A deadline passes during the run: the call's last stage is compute, and the batch follows."""
    turnstile = Turnstile()
    turnstile.free.clear()
    app = TracedApp(bundle, {"trace_ratio": 0.0}, script=turnstile)
    async with app.serving() as client:
        asking = asyncio.create_task(ask(client, "late mug", deadline_s=0.5))
        await asyncio.wait_for(turnstile.held.wait(), DEADLINE_S)
        assert await asking == "DEADLINE_EXCEEDED"
        assert receiver.named("ctr.batch") == []
        turnstile.free.set()
    (server,) = receiver.named(spans.PREDICT_CLICKS.name)
    (batch,) = receiver.named("ctr.batch")
    assert server.failed
    assert batch.links == [(server.trace_id, server.span_id)]
    (compute,) = receiver.named("ctr.compute")
    assert compute.parent_id == server.span_id
    assert receiver.named("ctr.queue")


async def test_without_tracing_nothing_is_sent_and_nothing_counted(
    receiver: OtlpReceiver, bundle: Path
) -> None:
    """`--no-tracing`: no span, no span metric; the gateway's own metrics stay."""
    app = TracedApp(bundle, {"tracing": False})
    async with app.serving() as client:
        await ask(client, "red mug")
        assert app.total("ctr_requests_total") == 1
        assert app.total("traces_span_metrics_calls_total") == 0
    assert receiver.asked == 0


async def test_what_serves_is_what_the_catalogue_declares(
    receiver: OtlpReceiver, bundle: Path
) -> None:
    """Every family on the page of a gateway that serves is declared, with its kind and labels."""
    app = TracedApp(bundle)
    async with app.serving() as client:
        await ask(client, "red mug")
        families = {family.name: family for family in app.instruments.registry.collect()}
    declared = {m.name: m for m in (*names.CATALOGUE, *names.PROCESS_METRICS)}
    declared |= {metric.name: metric for metric in span_metrics.SPAN_METRICS}
    assert set(families) == set(declared)
    for name, family in families.items():
        assert family.type == declared[name].kind.value
        for sample in family.samples:
            assert set(sample.labels) - {"le"} <= set(declared[name].labels)
    assert receiver.asked == 0  # 1 % of one call
