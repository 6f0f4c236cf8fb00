"""The API over HTTP, for kubectl: one handler a verb over every kind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import TYPE_CHECKING

from aiohttp import web

from ctr_rehearsal.api import discovery
from ctr_rehearsal.api.evicting import budget_status, may_evict
from ctr_rehearsal.api.kinds import DEPLOYMENT, KINDS, PDB, POD, REPLICA_SET
from ctr_rehearsal.api.patches import merged
from ctr_rehearsal.api.selectors import selected
from ctr_rehearsal.api.tables import table
from ctr_rehearsal.api.writes import Options, Writes
from ctr_rehearsal.errors import ApiError, not_found, unsupported
from ctr_rehearsal.objects import at, labels_of, matches, name_of, owner_uid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ctr_rehearsal.api.kinds import Kind
    from ctr_rehearsal.api.store import Store
    from ctr_rehearsal.objects import Object

PATH = re.compile(
    r"^(?P<root>/api/v1|/apis/[^/]+/[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?$"
)
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
BOOKMARK_EVERY_S = 5.0
DEFAULT_WATCH_S = 300.0


class Request:
    """One request, read: kind, place, query and body."""

    def __init__(self, path: str, query: Mapping[str, str], body: bytes, content_type: str) -> None:
        found = PATH.match(path)
        kinds = [
            k for k in KINDS if found and (k.root, k.plural) == (found["root"], found["plural"])
        ]
        if not found or not kinds:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        self.kind = kinds[0]
        self.namespace = found["namespace"] or ""
        self.name: str | None = found["name"]
        self.sub: str | None = found["sub"]
        self.query = query
        self.body = body
        self.content_type = content_type

    @property
    def options(self) -> Options:
        """What the query says of a write."""
        return Options(
            manager=self.query.get("fieldManager", "unknown"),
            dry_run="dryRun" in self.query,
            force=self.query.get("force") == "true",
        )

    def json(self) -> Object:
        """Return the body.

        Raises:
            ApiError: it is no JSON object; kubectl create sends protobuf.
        """
        if self.content_type.endswith("protobuf"):
            raise ApiError(
                *(415, "UnsupportedMediaType"),
                "the rehearsal's emulator takes JSON alone: use kubectl apply, not kubectl create",
            )
        try:
            body = json.loads(self.body or b"{}")
        except ValueError as error:
            raise ApiError(400, "BadRequest", f"the body is no JSON: {error}") from None
        if not isinstance(body, dict):
            raise ApiError(400, "BadRequest", "the body is no JSON object")
        return body


class Api:
    """The emulator's API server. Belongs to the store's event loop.

    Attributes:
        watched: set once somebody watches.
    """

    def __init__(self, store: Store, read_log: Callable[[str, str, str], str]) -> None:
        """Serve a store.

        Args:
            store: all objects.
            read_log: (namespace, pod, container) -> what the container's processes wrote.
        """
        self._store = store
        self._writes = Writes(store)
        self._read_log = read_log
        self.watched = asyncio.Event()

    def application(self) -> web.Application:
        """Return what aiohttp runs."""
        app = web.Application(client_max_size=8 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._dispatch(request)
        except ApiError as error:
            body = {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": str(error),
                "reason": error.reason,
                "code": error.status,
            }
            return web.json_response(body, status=error.status)

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET" and (told := _about_itself(request.path)) is not None:
            return web.json_response(told)
        asked = Request(
            request.path, request.query, await request.read(), request.content_type or ""
        )
        if request.method == "GET" and asked.query.get("watch") in ("true", "1"):
            return await self._watch(request, asked)
        if asked.sub == "log":
            return web.Response(text=self._log(asked))
        ways: dict[str, Callable[[Request, str], Awaitable[web.Response] | web.Response]] = {
            "GET": self._get,
            "POST": self._post,
            "PUT": self._put,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }
        way = ways.get(request.method)
        if way is None:
            raise unsupported(request.method)
        answer = way(asked, request.headers.get("Accept", ""))
        return answer if isinstance(answer, web.Response) else await answer

    def _log(self, asked: Request) -> str:
        pod = self._store.get(POD, asked.namespace, asked.name or "")
        container = asked.query.get("container") or pod["spec"]["containers"][0]["name"]
        lines = self._read_log(asked.namespace, name_of(pod), container).splitlines(keepends=True)
        tail = int(asked.query.get("tailLines") or len(lines))
        return "".join(lines[len(lines) - min(tail, len(lines)) :])

    def _get(self, asked: Request, accept: str) -> web.Response:
        kind = asked.kind
        if asked.name is not None:
            thing = self._store.get(kind, asked.namespace, asked.name)
            if asked.sub == "scale":
                return web.json_response(_scale_of(thing))
            if "as=Table" in accept:
                return self._told(kind, [thing], accept)
            return web.json_response(thing)
        return self._told(kind, self._listed(asked), accept)

    def _listed(self, asked: Request) -> list[Object]:
        labels, fields = (asked.query.get(f"{kind}Selector", "") for kind in ("label", "field"))
        things = self._store.list(asked.kind, asked.namespace)
        return [thing for thing in things if selected(thing, labels, fields)]

    def _told(self, kind: Kind, things: list[Object], accept: str) -> web.Response:
        version = str(self._store.version)
        if "as=Table" in accept:
            return web.json_response(table(kind, things, version, self._store.now))
        return web.json_response(
            {
                "kind": f"{kind.kind}List",
                "apiVersion": kind.api_version,
                "metadata": {"resourceVersion": version},
                "items": things,
            }
        )

    def _post(self, asked: Request, _: str) -> web.Response:
        if asked.sub == "eviction":
            return web.json_response(self._evict(asked), status=201)
        if asked.sub is not None:
            raise unsupported(f"{asked.kind.plural}/{asked.sub}")
        thing = self._writes.create(asked.kind, asked.namespace, asked.json(), asked.options)
        return web.json_response(thing, status=201)

    def _put(self, asked: Request, _: str) -> web.Response:
        if asked.sub == "scale":
            replicas = at(asked.json(), "spec.replicas", 0)
            return web.json_response(self._scaled(asked, replicas))
        if asked.sub is not None:
            raise unsupported(f"{asked.kind.plural}/{asked.sub}")
        thing = self._writes.replace(asked.kind, asked.namespace, asked.json(), asked.options)
        return web.json_response(thing)

    def _patch(self, asked: Request, _: str) -> web.Response:
        if asked.name is None:
            raise unsupported("PATCH of a collection")
        if asked.sub == "scale":
            standing = _scale_of(self._store.get(asked.kind, asked.namespace, asked.name))
            wanted = merged(standing, asked.json())
            return web.json_response(self._scaled(asked, at(wanted, "spec.replicas", 0)))
        if asked.sub is not None:
            raise unsupported(f"{asked.kind.plural}/{asked.sub}")
        thing = self._writes.patch(
            *(asked.kind, asked.namespace, asked.name),
            *((asked.content_type, asked.body), asked.options),
        )
        return web.json_response(thing)

    def _scaled(self, asked: Request, replicas: int) -> Object:
        thing = self._store.get(asked.kind, asked.namespace, asked.name or "")
        thing["spec"]["replicas"] = replicas
        kept = self._writes.replace(asked.kind, asked.namespace, thing, asked.options)
        return _scale_of(kept)

    def _delete(self, asked: Request, _: str) -> web.Response:
        if asked.name is None:
            raise unsupported("deletion of a collection")
        gone = self._writes.delete(asked.kind, asked.namespace, asked.name, asked.json())
        return web.json_response(gone)

    def _evict(self, asked: Request) -> Object:
        pod = self._store.get(POD, asked.namespace, asked.name or "")
        pods = self._store.list(POD, asked.namespace)
        budgets = [
            (budget, budget_status(budget, pods, self.expected_pods(budget, pods)))
            for budget in self._store.list(PDB, asked.namespace)
        ]
        may_evict(pod, budgets)
        options = asked.json().get("deleteOptions") or {}
        self._writes.delete(POD, asked.namespace, asked.name or "", options)
        return {"kind": "Status", "apiVersion": "v1", "status": "Success", "code": 201}

    def delete_pod(self, namespace: str, name: str) -> None:
        """Ask for a pod's deletion, as controllers do."""
        self._writes.delete(POD, namespace, name, {})

    def expected_pods(self, budget: Object, pods: list[Object]) -> int:
        """Return how many pods the Deployments behind a budget's pods want."""
        own = [p for p in pods if matches(at(budget, "spec.selector"), labels_of(p))]
        sets = {r["metadata"]["uid"]: r for r in self._store.list(REPLICA_SET)}
        deployments = {d["metadata"]["uid"]: d for d in self._store.list(DEPLOYMENT)}
        owners = {owner_uid(sets[uid]) for p in own if (uid := owner_uid(p)) in sets}
        return sum(deployments[o]["spec"]["replicas"] for o in owners if o in deployments)

    async def _watch(self, request: web.Request, asked: Request) -> web.StreamResponse:
        query = asked.query
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        as_table = "as=Table" in request.headers.get("Accept", "")
        version = int(query.get("resourceVersion") or 0)
        initial = query.get("sendInitialEvents") == "true" or version == 0
        if not initial:
            self._store.changes_since(version)  # refused before the stream begins
        await stream.prepare(request)
        self.watched.set()

        async def send(verb: str, thing: Object) -> None:
            if as_table and verb != "BOOKMARK":
                now = self._store.now
                thing = table(asked.kind, [thing], thing["metadata"]["resourceVersion"], now)
            await stream.write(json.dumps({"type": verb, "object": thing}).encode() + b"\n")

        with contextlib.suppress(ConnectionResetError, asyncio.TimeoutError):
            async with asyncio.timeout(float(query.get("timeoutSeconds") or DEFAULT_WATCH_S)):
                if initial:
                    version = self._store.version
                    for thing in self._listed(asked):
                        if asked.name in (None, name_of(thing)):
                            await send("ADDED", thing)
                    await send("BOOKMARK", _bookmark(asked.kind, version, initial_end=True))
                await self._follow(asked, version, send)
        return stream

    async def _follow(
        self, asked: Request, version: int, send: Callable[[str, Object], Awaitable[None]]
    ) -> None:
        """Send changes for as long as the watch lasts."""
        labels, fields = (asked.query.get(f"{kind}Selector", "") for kind in ("label", "field"))
        seen: set[str] = {thing["metadata"]["uid"] for thing in self._listed(asked)}
        bookmarks = asked.query.get("allowWatchBookmarks") == "true"
        while True:
            for change in self._store.changes_since(version):
                version = change.version
                thing = change.thing
                if change.kind is not asked.kind or asked.namespace not in (
                    *("", thing["metadata"].get("namespace", "")),
                ):
                    continue
                if asked.name not in (None, name_of(thing)):
                    continue
                uid = thing["metadata"]["uid"]
                if selected(thing, labels, fields):
                    seen.add(uid)
                    await send(change.verb, thing)
                elif uid in seen:  # no longer selected: gone, as this watch sees it
                    seen.discard(uid)
                    await send("DELETED", thing)
            try:
                async with asyncio.timeout(BOOKMARK_EVERY_S):
                    await self._store.changed(version)
            except TimeoutError:
                if bookmarks:
                    await send("BOOKMARK", _bookmark(asked.kind, version))


def _about_itself(path: str) -> Object | None:
    """Answer discovery; None for a path that is about objects.

    Raises:
        ApiError: there is no such API.
    """
    if path in _ABOUT:
        return _ABOUT[path]()
    if path.startswith("/openapi/v3/"):
        return discovery.openapi(path.removeprefix("/openapi/v3/"))
    if found := re.match(r"^/(?:api|apis)/((?:[^/]+/)?v[^/]+)$", path):
        if (resources := discovery.api_resources(found[1])) is None:
            raise not_found("API", found[1])
        return resources
    return None


_ABOUT: dict[str, Callable[[], Object]] = {
    "/version": lambda: dict(discovery.VERSION),
    "/api": discovery.api_versions,
    "/apis": discovery.api_groups,
    "/openapi/v3": discovery.openapi_index,
}


def _scale_of(thing: Object) -> Object:
    labels = at(thing, "spec.selector.matchLabels", {})
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: thing["metadata"][key] for key in kept},
        "spec": {"replicas": thing["spec"]["replicas"]},
        "status": {
            "replicas": at(thing, "status.replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in labels.items()),
        },
    }


def _bookmark(kind: Kind, version: int, *, initial_end: bool = False) -> Object:
    metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
    if initial_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
