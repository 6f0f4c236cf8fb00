"""JSON over HTTP, for peers that speak nothing else: a target is "http://host:port/path".

Request: {"query", "user", "context", "candidates": [{"title", "features"}]}; answer: {"scores"}.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from typing import TYPE_CHECKING

import aiohttp

from ctr_bench.answers import Counts
from ctr_bench.record import DEADLINE_EXCEEDED, OK, RESOURCE_EXHAUSTED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ctr_bench.searches import Search

SCHEME = "http://"
HEADERS = {"Content-Type": "application/json"}
INTERNAL, UNAVAILABLE = 13, 14
_CODES = {200: OK, 408: DEADLINE_EXCEEDED, 429: RESOURCE_EXHAUSTED, 503: UNAVAILABLE}
_CODES[504] = DEADLINE_EXCEEDED


def serialise(search: Search) -> bytes:
    """Return the bytes of a request's body."""
    candidates = [{"title": item.title, "features": dict(item.features)} for item in search.items]
    message = {
        "query": search.query,
        "user": dict(search.user),
        "context": dict(search.context),
        "candidates": candidates,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


class HttpJsonSender:
    """Posts bodies on connections that stay open, as many as there are open requests."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def ask(self, message: bytes, deadline_s: float) -> tuple[int, bytes]:
        """See `Sender`; HTTP's status is told as the gRPC code of that meaning."""
        try:
            async with asyncio.timeout(deadline_s):
                async with self._session.post(self._url, data=message, headers=HEADERS) as answer:
                    body = await answer.read()
        except TimeoutError:
            return DEADLINE_EXCEEDED, b""
        except aiohttp.ClientError:
            return UNAVAILABLE, b""
        code = _CODES.get(answer.status, INTERNAL)
        return code, body if code == OK else b""

    def count(self, answer: bytes) -> Counts:
        """See `Sender`."""
        return Counts(sum(map(math.isfinite, probabilities_of(answer))), 0, 0, 0)


def probabilities_of(answer: bytes) -> list[float]:
    """Return the click probability of each item.

    Raises:
        ValueError: the bytes are no answer.
    """
    message = json.loads(answer)
    try:
        return [float(score) for score in message["scores"]]
    except (KeyError, TypeError):
        raise ValueError('an answer must be {"scores": [...]}') from None


@contextlib.asynccontextmanager
async def open_http_json(target: str) -> AsyncIterator[HttpJsonSender]:
    """Make a session for "http://host:port/path"; connections are made when they are needed."""
    # No limit: an open loop sends whatever the server does. The deadline is `ask`'s.
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield HttpJsonSender(session, target)
