"""Span metrics are requests, exactly, whatever is sampled: over processes, codes and callers."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import grpc
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ctr_bench.gateway_process import ZERO_COST
from ctr_client.messages import Item, search
from ctr_client.options import ClientOptions
from tests.support.gateway import running_gateway
from tests.support.grpc_server import PREDICT, raw_method
from tests.support.otlp_receiver import otlp_receiver, sending_to
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = 10_000
CONNECTIONS, CALLERS = 8, 32
BAD_EVERY = 10
DEADLINE_S = 60.0
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
GOOD = search("mug", [Item("a", "red mug")]).SerializeToString()
BAD = search("mug", []).SerializeToString()


async def send(target: str) -> Counter[str]:
    """Send the requests over several connections, and count how they ended."""
    options = ClientOptions(max_attempts=1, own_connection=True).channel_options()
    channels = [grpc.aio.insecure_channel(target, options=options) for _ in range(CONNECTIONS)]
    numbers, endings = iter(range(REQUESTS)), Counter[str]()

    async def caller(channel: grpc.aio.Channel) -> None:
        method = raw_method(channel, PREDICT)
        for number in numbers:
            try:
                await method(GOOD if number % BAD_EVERY else BAD, timeout=DEADLINE_S)
                endings["OK"] += 1
            except grpc.aio.AioRpcError as error:
                endings[error.code().name] += 1

    await asyncio.gather(*(caller(channels[n % CONNECTIONS]) for n in range(CALLERS)))
    for channel in channels:
        await channel.close(None)
    return endings


async def test_span_metrics_equal_requests_at_one_percent_in_two_workers(tmp_path: Path) -> None:
    """10,000 requests: each counted once by code, in calls and in durations; about 1 % exported."""
    bundle = make_tiny_bundle(tmp_path / "bundle")
    flags = ("--workers", "2", "--trace-ratio", "0.01", "--trace-slow-ms", "60000", *ZERO_COST)
    with otlp_receiver() as receiver:
        variables = sending_to(receiver)
        with running_gateway(bundle, *flags, variables=variables) as gateway:
            endings = await send(gateway.target)
            page = gateway.metrics(OPENMETRICS)
            assert gateway.stop() == 0
    assert endings == {"OK": REQUESTS * 9 // 10, "INVALID_ARGUMENT": REQUESTS // 10}
    calls, durations, by_worker = Counter[str](), Counter[str](), Counter[str]()
    exemplars: set[str] = set()
    for family in text_string_to_metric_families(page):  # type: ignore[no-untyped-call]  # -- untyped library
        for sample in family.samples:
            if sample.exemplar and family.name.startswith("traces_span_metrics"):
                exemplars.add(sample.exemplar.labels["trace_id"])
            if not sample.labels.get("span_name", "").endswith("PredictClicks"):
                continue
            code = sample.labels["rpc_status_code"]
            if sample.name == "traces_span_metrics_calls_total":
                calls[code] += int(sample.value)
                by_worker[sample.labels["worker"]] += int(sample.value)
            elif sample.name == "traces_span_metrics_duration_milliseconds_count":
                durations[code] += int(sample.value)
    assert calls == durations == endings
    assert set(by_worker) == {"0", "1"}
    exported = {span.trace_id for span in receiver.named("ctr.v1.PredictionService/PredictClicks")}
    assert REQUESTS / 200 < len(exported) < REQUESTS / 50  # 100, within 5 deviations
    assert exemplars
    assert exemplars <= exported
