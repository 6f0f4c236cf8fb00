"""A monitor with a past: a similar incident with a note, traces, an alert with a hostile text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.monitor_alerts import T0_MS, webhook, wire_alert
from tests.support.monitor_series import FAULT_S
from tests.support.monitor_spans import call, export, span

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.support.monitor_world import MonitorWorld

NOTE = "A neighbour's nightly job took the CPUs of node 7. Moved it; added a CPU request."
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
LATENCY = {"slo": "latency", "window": "30m+5m"}
TICKET = {"slo": "degraded", "severity": "ticket"}
HOUR_MS = 3_600_000


async def send_spans(world: MonitorWorld, *groups: list[Span]) -> None:
    """Send spans by OTLP over HTTP."""
    body = export([each for group in groups for each in group]).SerializeToString()
    headers = {"Content-Type": "application/x-protobuf"}
    async with world.client.post(f"{world.url}/v1/traces", data=body, headers=headers) as answer:
        assert answer.status == 200


async def tell_story(world: MonitorWorld, *, description: str = "") -> int:
    """Let it all happen; the number of the incident that fires now."""
    at_ms = FAULT_S * 1000 + 30_000
    await send_spans(
        world,
        *(
            call(n, at_ms=at_ms + n * 900, compute_ms=240 + 9 * n, queue_ms=30.0)
            for n in range(1, 9)
        ),
        *(call(n, at_ms=at_ms + n * 900, failed=True, reason="BACKEND_FAILED") for n in (11, 12)),
        *(call(n, at_ms=at_ms - 600_000 + n * 900) for n in range(20, 30)),
        [
            span(
                50,
                "ctr.batch",
                at_ms=at_ms + 940,
                took_ms=249,
                links=(1, 2),
                attributes={"ctr.batch.rows": 16},
            )
        ],
    )
    begun = T0_MS - 30 * 24 * HOUR_MS
    ended = wire_alert(starts_ms=begun, ends_ms=begun + 2_100_000, labels=LATENCY)
    past = await world.alert(webhook(ended, group="past"))
    await world.reported(past)
    note = {"note": NOTE, "by": "Eve", "cause": "backend_slow", "minutes": 35}
    async with world.client.post(f"{world.url}/api/v1/incidents/{past}/note", json=note) as answer:
        assert answer.status == 200
    alerts = [
        wire_alert(
            labels=LATENCY,
            annotations={
                "summary": "Latency burns its budget 31 times too fast",
                "description": description
                or "Over 5 minutes and over 30, too many answers took longer than 100 ms.",
            },
        ),
        wire_alert("CtrDegradedBurn", starts_ms=T0_MS + 30_000, labels=TICKET),
    ]
    number = await world.alert(webhook(*alerts, group="now"))
    await world.reported(number)
    return number
