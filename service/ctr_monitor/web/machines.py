"""What machines ask for: the webhook, OTLP over HTTP, JSON, health and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from ctr_monitor.alerts.webhook import parse
from ctr_monitor.traces.grpc_receiver import response as otlp_response
from ctr_monitor.web.forms import number, resolution_from, text_of

if TYPE_CHECKING:
    from ctr_monitor.parts import Parts

PROTOBUF = "application/x-protobuf"
MAX_LIST = 500


class Machines:
    """Handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        return [
            web.post("/api/v1/alerts", self.alerts),
            web.post("/v1/traces", self.traces),
            web.get("/api/v1/incidents", self.incidents),
            web.get("/api/v1/incidents/{id:\\d{1,15}}", self.incident),
            web.post("/api/v1/incidents/{id:\\d{1,15}}/note", self.note),
            web.get("/healthz", self.healthz),
            web.get("/metrics", self.metrics),
        ]

    async def alerts(self, request: web.Request) -> web.Response:
        """Take Alertmanager's webhook. Answers once it is on disk."""
        parts = self._parts
        notification = parse(await request.read())
        taken = await parts.thread.call(
            parts.incidents.take,
            notification,
            now_ms=parts.clock.now_ms(),
            settings=parts.settings.group,
        )
        parts.instruments.notifications.labels(taken.change).inc()
        parts.log.info(
            "notified",
            incident=taken.incident_id,
            change=taken.change,
            alerts=len(notification.alerts),
            truncated=notification.truncated,
        )
        parts.worker.ring()
        return web.json_response({"incident": taken.incident_id, "change": taken.change})

    async def traces(self, request: web.Request) -> web.Response:
        """Take OTLP over HTTP, in protobuf."""
        if request.content_type != PROTOBUF:
            raise web.HTTPUnsupportedMediaType(text=f"send {PROTOBUF}\n")
        rejected = await self._parts.intake.take(await request.read())
        return web.Response(body=otlp_response(rejected).SerializeToString(), content_type=PROTOBUF)

    async def incidents(self, request: web.Request) -> web.Response:
        """List incidents, newest first; `q` holds words, `before` an id, `limit` a number."""
        parts = self._parts
        found = await parts.thread.call(
            parts.incidents.search,
            text_of(request.query, "q", 200),
            limit=min(number(request.query, "limit", 50), MAX_LIST),
            before_id=number(request.query, "before", 0),
        )
        return web.json_response(
            {"incidents": [incident.model_dump(mode="json") for incident in found]}
        )

    async def incident(self, request: web.Request) -> web.Response:
        """Return one incident, its report and its remedies."""
        parts = self._parts
        incident_id = int(request.match_info["id"])
        incident = await parts.thread.call(parts.incidents.get, incident_id)
        runs = await parts.thread.call(parts.runs.of, incident_id)
        return web.json_response(
            {
                **incident.model_dump(mode="json"),
                "minutes_to_resolve": incident.minutes_to_resolve,
                "remedy_runs": [run.model_dump(mode="json") for run in runs],
            }
        )

    async def note(self, request: web.Request) -> web.Response:
        """Keep a resolution: a JSON object of note, cause, by and minutes."""
        parts = self._parts
        if request.content_type != "application/json":
            # A form of a foreign page cannot send this type.
            raise web.HTTPUnsupportedMediaType(text="send application/json\n")
        resolution = resolution_from(await request.read(), parts.clock.now_ms())
        incident_id = int(request.match_info["id"])
        await parts.thread.call(parts.incidents.resolve_with, incident_id, resolution)
        return web.json_response(resolution.model_dump(mode="json"))

    async def healthz(self, _: web.Request) -> web.Response:
        """200 while the store answers and the investigations go on."""
        parts = self._parts
        await parts.thread.call(parts.incidents.counts)
        if not parts.worker_runs():
            return web.json_response({"status": "investigations stopped"}, status=503)
        return web.json_response({"status": "ok"})

    async def metrics(self, _: web.Request) -> web.Response:
        """OpenMetrics."""
        parts = self._parts
        for state, count in (await parts.thread.call(parts.incidents.counts)).items():
            parts.instruments.incidents.labels(state).set(count)
        for kind, (count, size) in (await parts.thread.call(parts.traces.sizes)).items():
            parts.instruments.traces.labels(kind).set(count)
            parts.instruments.trace_bytes.labels(kind).set(size)
        body, content_type = parts.instruments.exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})
