"""The monitor as a process, and its edges: HTTP, gRPC, forms, restarts."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import aiohttp
import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ctr_monitor.traces.grpc_receiver import SERVICE
from tests.support.monitor_alerts import T0_MS, webhook, wire_alert
from tests.support.monitor_spans import call, export, span, trace_id
from tests.support.monitor_story import HOSTILE
from tests.support.monitor_world import MonitorWorld, running_monitor, settings_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CANARY = "jane.doe"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
PATIENCE_S = 30.0
REMEDIES = """
[[remedy]]
name = "shown"
title = "Shown only"
causes = ["overload"]
argv = ["touch", "{marker}"]

[[remedy]]
name = "runs"
title = "Runs"
causes = ["overload"]
argv = ["sh", "-c", "echo done; touch {marker}"]
dry_run_argv = ["echo", "would run"]
may_run = true

[[remedy]]
name = "hangs"
title = "Hangs"
causes = ["overload"]
argv = ["sleep", "600"]
may_run = true
timeout_s = 0.2
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[MonitorWorld]:
    """A monitor without a Prometheus, with an allow-list."""
    allow_list = tmp_path / "remedies.toml"
    allow_list.write_text(REMEDIES.format(marker=tmp_path / "marker"))
    async with running_monitor(settings_for(tmp_path, allow_list=allow_list)) as running:
        yield running


async def post(world: MonitorWorld, path: str, data: bytes | dict[str, str], **headers: str) -> int:
    """Post, following no redirect; the status."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    url = world.url + path
    async with world.client.post(url, data=data, headers=names, allow_redirects=False) as answer:
        await answer.read()
        return answer.status


def _files(folder: Path) -> list[Path]:
    """The store's files: the database, its log, its index."""
    return list(folder.glob("monitor.sqlite*"))


async def test_duplicates_and_flapping_are_one_incident(world: MonitorWorld) -> None:
    """Twelve webhooks of one alert that comes and goes make one incident that counts."""
    numbers = set()
    for round_ in range(4):
        begin = T0_MS + round_ * 60_000
        for alert in (
            wire_alert(starts_ms=begin),
            wire_alert(starts_ms=begin),
            wire_alert(starts_ms=begin, ends_ms=begin + 20_000),
        ):
            numbers.add(await world.alert(webhook(alert)))
    assert len(numbers) == 1
    found = await world.incident(numbers.pop())
    assert (found["reopened"], found["notifications"], found["state"]) == (3, 12, "resolved")
    assert found["alerts"][0]["fired"] == 4
    metrics = await world.get("/metrics")
    assert 'ctr_monitor_notifications_total{change="reopened"} 3.0' in metrics
    assert 'ctr_monitor_incidents{state="resolved"} 1.0' in metrics


async def test_what_is_no_webhook_is_refused(world: MonitorWorld) -> None:
    """400 with a sentence, which Alertmanager does not try again; too large is 413."""
    assert await post(world, "/api/v1/alerts", b"{}") == 400
    large = io.BytesIO(b" " * 5_000_000)
    async with world.client.post(f"{world.url}/api/v1/alerts", data=large) as answer:
        assert answer.status == 413
    assert 'ctr_monitor_bad_input_total{place="webhook"} 1.0' in await world.get("/metrics")


async def test_traces_come_in_by_both_protocols(world: MonitorWorld) -> None:
    """OTLP over HTTP, plain and compressed, and over gRPC; each trace can be opened."""
    body = export(call(1)).SerializeToString()
    assert await post(world, "/v1/traces", body, **PROTOBUF) == 200
    packed = gzip.compress(export(call(2)).SerializeToString())
    assert await post(world, "/v1/traces", packed, **PROTOBUF, Content_Encoding="gzip") == 200
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.monitor.otlp_grpc_port}") as channel:
        send = channel.unary_unary(
            f"/{SERVICE}/Export",
            request_serializer=bytes,
            response_deserializer=ExportTraceServiceResponse.FromString,
        )
        answer = await send(export([*call(3), Span(name="no ids")]).SerializeToString())
        assert answer.partial_success.rejected_spans == 1
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await send(b"\xff\xff")
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    for number in (1, 2, 3):
        assert "ctr.compute" in await world.get(f"/traces/{trace_id(number)}")
    assert await post(world, "/v1/traces", b"\xff\xff", **PROTOBUF) == 400
    assert await post(world, "/v1/traces", b"{}", Content_Type="application/json") == 415
    await world.get(f"/traces/{trace_id(99)}", status=404)


async def test_planted_data_is_found_nowhere(world: MonitorWorld, tmp_path: Path) -> None:
    """What a span must not carry is in no page, report, metric, log line or byte of the store."""
    made = span(
        7, failed=True, took_ms=900, attributes={"user.email": CANARY, "ctr.caller": f"{CANARY} x"}
    )
    made.events.add(name=CANARY)
    made.status.message = CANARY
    named = span(7, f"GET /{CANARY}", index=2, parent=1)
    body = export([made, named], {"service.name": f"{CANARY} x"}).SerializeToString()
    assert await post(world, "/v1/traces", body, **PROTOBUF) == 200
    number = await world.alert(webhook(wire_alert(starts_ms=T0_MS)))
    await world.reported(number, whole=False)
    pages = (
        "/",
        f"/incidents/{number}",
        f"/incidents/{number}.md",
        "/traces",
        f"/traces/{trace_id(7)}",
    )
    for path in (*pages, f"/api/v1/incidents/{number}", "/metrics"):
        assert CANARY not in await world.get(path), path
    assert trace_id(7) in await world.get(f"/incidents/{number}.md")
    assert CANARY not in world.log.getvalue()
    assert not [file.name for file in _files(tmp_path) if CANARY.encode() in file.read_bytes()]


async def test_markup_formats_nothing(world: MonitorWorld) -> None:
    """Hostile text of an alert, a note and a search is escaped in HTML and Markdown."""
    annotations = {"summary": HOSTILE, "runbook_url": "javascript:alert(1)"}
    alert = wire_alert(annotations=annotations, labels={"x": HOSTILE})
    number = await world.alert(webhook(alert))
    note = {"note": HOSTILE, "by": HOSTILE[:60], "cause": "", "minutes": ""}
    assert await post(world, f"/incidents/{number}/note", note) == 303
    for path in (f"/incidents/{number}", "/", "/?q=%3Cscript%3E"):
        page = await world.get(path)
        assert "<script" not in page, path
        assert "<img" not in page, path
        assert 'href="javascript' not in page, path
    text = await world.get(f"/incidents/{number}.md")
    assert "\\<script\\>" in text
    assert "<script>" not in text


async def test_a_foreign_page_cannot_send_our_forms(world: MonitorWorld) -> None:
    """Another site's form, or our address under another name, is refused and changes nothing."""
    number = await world.alert(webhook(wire_alert()))
    path, form = f"/incidents/{number}/remedy", {"remedy": "runs", "mode": "run", "by": "x"}
    assert await post(world, path, form, Origin="http://evil.example") == 403
    assert await post(world, path, form, Sec_Fetch_Site="cross-site") == 403
    assert await post(world, path, form, Host="evil.example:9400") == 403
    assert not (await world.incident(number))["remedy_runs"]
    assert await post(world, path, form, Origin=world.url) == 303


async def test_pages_allow_no_script(world: MonitorWorld) -> None:
    """The policy that every answer carries lets no script run."""
    async with world.client.get(world.url) as answer:
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "script-src" not in answer.headers["Content-Security-Policy"]


async def test_remedies_run_only_as_the_allow_list_says(
    world: MonitorWorld, tmp_path: Path
) -> None:
    """A rehearsal is the default; a run needs may_run; all of it is on record."""
    number = await world.alert(webhook(wire_alert()))
    path = f"/incidents/{number}/remedy"
    marker = tmp_path / "marker"
    ann = {"by": "Ann"}
    assert await post(world, path, {"remedy": "shown", **ann}) == 303
    assert await post(world, path, {"remedy": "shown", "mode": "run", **ann}) == 400
    assert await post(world, path, {"remedy": "rm -rf /", "mode": "run", **ann}) == 400
    assert await post(world, path, {"remedy": "runs", "mode": "run"}) == 400
    assert await post(world, path, {"remedy": "runs", "mode": "anything", **ann}) == 303
    assert not marker.exists()
    assert await post(world, path, {"remedy": "hangs", "mode": "run", **ann}) == 303
    assert await post(world, path, {"remedy": "runs", "mode": "run", **ann}) == 303
    assert marker.exists()
    runs = (await world.incident(number))["remedy_runs"]
    assert [(run["remedy"], run["dry"], run["outcome"]) for run in runs] == [
        ("runs", False, "exit 0"),
        ("hangs", False, "killed after 0.2 s"),
        ("runs", True, "exit 0"),
        ("shown", True, "shown"),
    ]
    assert [run["output"] for run in runs[:3]] == ["done\n", "", "would run\n"]
    assert all(run["by"] == "Ann" and run["started_ms"] <= run["ended_ms"] for run in runs)


async def test_wrong_input_is_named(world: MonitorWorld) -> None:
    """Notes, numbers and paths that do not fit are refused by name."""
    number = await world.alert(webhook(wire_alert()))
    path = f"/api/v1/incidents/{number}/note"
    json_type = {"Content_Type": "application/json"}
    assert await post(world, path, b'{"note": "", "by": "a"}', **json_type) == 400
    assert await post(world, path, b'{"note": "n", "by": "a", "cause": "x"}', **json_type) == 400
    assert await post(world, path, b'{"note": "n", "by": "a"}', Content_Type="text/plain") == 415
    assert (
        await post(world, "/api/v1/incidents/99/note", b'{"note": "n", "by": "a"}', **json_type)
        == 404
    )
    assert "limit: a whole number" in await world.get("/api/v1/incidents?limit=x", status=400)
    await world.get("/incidents/99", status=404)
    await world.get("/incidents/abc", status=404)
    assert json.loads(await world.get("/healthz")) == {"status": "ok"}


class Process:
    """`ctr-monitor serve` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "monitor.sqlite"
        ports = folder / "ports.json"
        ports.unlink(missing_ok=True)
        self._ports = ports
        command = [
            *(sys.executable, "-m", "ctr_monitor", "serve", "--store", str(self.store)),
            *("--prometheus", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"),
            *("--otlp-grpc", "0", "--port-file", str(ports), "--join-within-s", "0"),
        ]
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log)

    async def url(self) -> str:
        """Where it serves, once it does."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._ports.exists():
                assert self.process.poll() is None, (self.folder / "log").read_text()
                await asyncio.sleep(0.02)
        return f"http://127.0.0.1:{json.loads(self._ports.read_text())['http']}"

    def end(self, number: int) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


async def test_kill_9_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Killed right after its answers and started again, it has every incident, trace and note."""
    first = Process(tmp_path)
    async with aiohttp.ClientSession() as client:
        url = await first.url()
        numbers = []
        for n in range(20):
            body = webhook(wire_alert(f"Ctr{n}"), group=str(n))
            async with client.post(f"{url}/api/v1/alerts", data=body) as answer:
                numbers.append((await answer.json())["incident"])
        spans = export([*call(1, failed=True), *call(2)]).SerializeToString()
        async with client.post(f"{url}/v1/traces", data=spans, headers=PROTOBUF) as answer:
            assert answer.status == 200
        note = {"note": "kept", "by": "Eve"}
        async with client.post(f"{url}/api/v1/incidents/{numbers[0]}/note", json=note) as answer:
            assert answer.status == 200
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = Process(tmp_path)
    async with aiohttp.ClientSession() as client:
        url = await second.url()
        async with client.get(f"{url}/api/v1/incidents") as answer:
            found = {i["id"]: i for i in (await answer.json())["incidents"]}
        assert sorted(found) == sorted(numbers)
        assert found[numbers[0]]["resolution"]["note"] == "kept"
        for number in (1, 2):
            async with client.get(f"{url}/traces/{trace_id(number)}") as answer:
                assert answer.status == 200
    assert second.end(signal.SIGTERM) == 0
    assert '"event": "stopped"' in (tmp_path / "log").read_text()


async def test_a_second_server_on_the_store_ends_with_a_sentence(tmp_path: Path) -> None:
    """Exit 1, and the sentence says what to do; the first one serves on."""
    first = Process(tmp_path)
    await first.url()
    command = [
        *(sys.executable, "-m", "ctr_monitor", "serve", "--store", str(first.store)),
        *("--prometheus", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", "--otlp-grpc", "-1"),
    ]
    second = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await second.communicate()
    assert second.returncode == 1
    assert b"another ctr-monitor serves" in said
    assert first.end(signal.SIGTERM) == 0
