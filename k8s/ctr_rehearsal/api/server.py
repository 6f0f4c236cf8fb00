"""The API over HTTP, for kubectl: one handler a verb over every kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

from ctr_rehearsal.api import discovery
from ctr_rehearsal.api.evicting import budget_status, may_evict
from ctr_rehearsal.api.kinds import DEPLOYMENT, PDB, POD, REPLICA_SET
from ctr_rehearsal.api.patches import merged
from ctr_rehearsal.api.request import Request
from ctr_rehearsal.api.tables import table
from ctr_rehearsal.api.watches import Watches
from ctr_rehearsal.api.writes import Writes
from ctr_rehearsal.errors import ApiError, not_found, unsupported
from ctr_rehearsal.objects import at, labels_of, matches, name_of, owner_uid

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from ctr_rehearsal.api.kinds import Kind
    from ctr_rehearsal.api.store import Store
    from ctr_rehearsal.objects import Object


class Api:
    """The emulator's API server. Belongs to the store's event loop."""

    def __init__(self, store: Store, read_log: Callable[[str, str, str], str]) -> None:
        """Serve a store.

        Args:
            store: all objects.
            read_log: (namespace, pod, container) -> what the container's processes wrote.
        """
        self._store = store
        self._writes = Writes(store)
        self._read_log = read_log
        self._watches = Watches(store)

    @property
    def watched(self) -> asyncio.Event:
        """Set once somebody watches."""
        return self._watches.begun

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
            return await self._watches.answer(request, asked)
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
        things = self._store.list(kind, asked.namespace)
        return self._told(kind, asked.among(things), accept)

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
