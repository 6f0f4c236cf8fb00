"""The pages for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from ctr_monitor.clock import NS_PER_MS
from ctr_monitor.report.markdown import markdown
from ctr_monitor.report.view import IncidentView, suspects_of
from ctr_monitor.seen_before import seen_before
from ctr_monitor.suspects.table import TABLE
from ctr_monitor.traces.facts import SHOWN
from ctr_monitor.traces.keeping import SHARES
from ctr_monitor.traces.waterfall import waterfall
from ctr_monitor.web.environment import environment
from ctr_monitor.web.forms import number, resolution_from, text_of

if TYPE_CHECKING:
    from ctr_monitor.model import Incident
    from ctr_monitor.parts import Parts
    from ctr_monitor.report.view import Suspect
    from ctr_monitor.web.drawing import Drawing

PAST = 500
"""Incidents that are looked through for similar ones."""
LISTED_TRACES = 25
LISTED = 50


class Pages:
    """Handlers."""

    def __init__(self, parts: Parts, drawing: Drawing) -> None:
        self._parts = parts
        self._drawing = drawing
        self._templates = environment()

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        incident = "/incidents/{id:\\d{1,15}}"
        return [
            web.get("/", self.list),
            web.get(incident, self.incident),
            web.get(incident + ".md", self.as_markdown),
            web.get(incident + ".json", self.as_json),
            web.post(incident + "/note", self.note),
            web.post(incident + "/remedy", self.remedy),
            web.get("/traces", self.traces),
            web.get("/traces/{id:[0-9a-f]{32}}", self.trace),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """Incidents, newest first, and a search over all that is known of them."""
        parts = self._parts
        words = text_of(request.query, "q", 200)
        before_id = number(request.query, "before", 0)
        found = await parts.thread.call(
            parts.incidents.search, words, limit=LISTED + 1, before_id=before_id
        )
        views = [self._listed(incident) for incident in found[:LISTED]]
        return self._page(
            "list.html",
            views=views,
            words=words,
            counts=await parts.thread.call(parts.incidents.counts),
            older=found[LISTED - 1].id if len(found) > LISTED else None,
        )

    async def incident(self, request: web.Request) -> web.Response:
        """One incident."""
        view = await self._view(request)
        plots = await self._drawing.plots(view.incident)
        return self._page(
            "incident.html",
            view=view,
            plots=plots,
            causes=[(cause.key, cause.title) for cause in TABLE],
            who=self._who(request),
        )

    async def as_markdown(self, request: web.Request) -> web.Response:
        """The same as Markdown."""
        text = markdown(await self._view(request))
        return web.Response(text=text, content_type="text/markdown")

    async def as_json(self, request: web.Request) -> web.Response:
        """Where the JSON is."""
        raise web.HTTPFound(f"/api/v1/incidents/{int(request.match_info['id'])}")

    async def note(self, request: web.Request) -> web.Response:
        """Keep the form of what was learnt."""
        parts = self._parts
        incident_id = int(request.match_info["id"])
        fields = {name: str(value) for name, value in (await request.post()).items()}
        if who := self._who(request):
            fields["by"] = who
        resolution = resolution_from(fields, parts.clock.now_ms())
        await parts.thread.call(parts.incidents.resolve_with, incident_id, resolution)
        raise web.HTTPSeeOther(f"/incidents/{incident_id}#learnt")

    async def remedy(self, request: web.Request) -> web.Response:
        """Rehearse or run a remedy of the allow-list."""
        incident_id = int(request.match_info["id"])
        fields = await request.post()
        run = await self._parts.remedies.run(
            incident_id,
            str(fields.get("remedy", "")),
            by=self._who(request) or str(fields.get("by", "")),
            # Anything but the one word is a rehearsal.
            dry=fields.get("mode") != "run",
        )
        self._parts.log.info(
            "remedy", incident=incident_id, remedy=run.remedy, dry=run.dry, outcome=run.outcome
        )
        raise web.HTTPSeeOther(f"/incidents/{incident_id}#remedies")

    async def traces(self, _: web.Request) -> web.Response:
        """The newest traces of each class."""
        parts = self._parts
        found = {
            kind: await parts.thread.call(parts.traces.newest, kind, LISTED_TRACES)
            for kind in SHARES
        }
        return self._page(
            "traces.html", found=found, sizes=await parts.thread.call(parts.traces.sizes)
        )

    async def trace(self, request: web.Request) -> web.Response:
        """One trace, stage by stage, and the batches that served it."""
        parts = self._parts
        trace_id = request.match_info["id"]
        trace = await parts.thread.call(parts.traces.get, trace_id)
        batches = await parts.thread.call(parts.traces.linked_to, trace_id)
        main = trace.main
        return self._page(
            "trace.html",
            trace=trace,
            started_ms=main.start_ns // NS_PER_MS,
            facts={name: main.attributes[name] for name in SHOWN if name in main.attributes},
            bars=waterfall(trace),
            batches=[(batch, waterfall(batch)) for batch in batches],
        )

    async def _view(self, request: web.Request) -> IncidentView:
        parts = self._parts
        incident_id = int(request.match_info["id"])
        incident = await parts.thread.call(parts.incidents.get, incident_id)
        runs = await parts.thread.call(parts.runs.of, incident_id)
        past = await parts.thread.call(parts.incidents.search, limit=PAST, before_id=incident_id)
        return IncidentView(
            incident=incident,
            suspects=self._suspects(incident),
            alike=tuple(seen_before(incident, past)),
            runs=tuple(runs),
            now_ms=parts.clock.now_ms(),
            runbook_base=parts.settings.runbook_base,
        )

    def _suspects(self, incident: Incident) -> tuple[Suspect, ...]:
        remedies = {key: self._parts.remedies.offered(key) for key in incident.suspect_keys}
        return suspects_of(incident.report, remedies)

    def _listed(self, incident: Incident) -> IncidentView:
        return IncidentView(
            incident=incident,
            suspects=(),
            alike=(),
            runs=(),
            now_ms=self._parts.clock.now_ms(),
            runbook_base="",
        )

    def _who(self, request: web.Request) -> str:
        """Return whom the proxy let in; "" where the form has to say it."""
        name = self._parts.settings.user_header
        return request.headers.get(name, "").strip() if name else ""

    def _page(self, template: str, **values: object) -> web.Response:
        text = self._templates.get_template(template).render(values)
        return web.Response(text=text, content_type="text/html")
