"""Watches: what is there, then every change, for as long as somebody reads."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from aiohttp import web

from ctr_rehearsal.api.tables import table
from ctr_rehearsal.objects import name_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ctr_rehearsal.api.kinds import Kind
    from ctr_rehearsal.api.request import Request
    from ctr_rehearsal.api.store import Store
    from ctr_rehearsal.objects import Object

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
BOOKMARK_EVERY_S = 5.0
DEFAULT_WATCH_S = 300.0


class Watches:
    """Answers watches from a store, on its event loop.

    Attributes:
        begun: set once somebody watches.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.begun = asyncio.Event()

    async def answer(self, request: web.Request, asked: Request) -> web.StreamResponse:
        """Send what is asked for until its time is over or its reader has gone.

        Raises:
            ApiError: it would follow a version that is no longer kept.
        """
        query = asked.query
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        as_table = "as=Table" in request.headers.get("Accept", "")
        version = int(query.get("resourceVersion") or 0)
        initial = query.get("sendInitialEvents") == "true" or version == 0
        if not initial:
            self._store.changes_since(version)  # refused before the stream begins
        await stream.prepare(request)
        self.begun.set()

        async def send(verb: str, thing: Object) -> None:
            if as_table and verb != "BOOKMARK":
                now = self._store.now
                thing = table(asked.kind, [thing], thing["metadata"]["resourceVersion"], now)
            await stream.write(json.dumps({"type": verb, "object": thing}).encode() + b"\n")

        with contextlib.suppress(ConnectionResetError, asyncio.TimeoutError):
            async with asyncio.timeout(float(query.get("timeoutSeconds") or DEFAULT_WATCH_S)):
                if initial:
                    version = self._store.version
                    for thing in self._selected(asked):
                        if asked.name in (None, name_of(thing)):
                            await send("ADDED", thing)
                    await send("BOOKMARK", _bookmark(asked.kind, version, initial_end=True))
                await self._follow(asked, version, send)
        return stream

    async def _follow(
        self, asked: Request, version: int, send: Callable[[str, Object], Awaitable[None]]
    ) -> None:
        """Send changes for as long as the watch lasts."""
        seen: set[str] = {thing["metadata"]["uid"] for thing in self._selected(asked)}
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
                if asked.selects(thing):
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

    def _selected(self, asked: Request) -> list[Object]:
        return asked.among(self._store.list(asked.kind, asked.namespace))


def _bookmark(kind: Kind, version: int, *, initial_end: bool = False) -> Object:
    metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
    if initial_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
