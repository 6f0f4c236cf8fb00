"""Callers of a gateway that runs its model in real Tritons, and what holds in any fault."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ctr.v1 import prediction_pb2 as pb
from ctr_client.aio_client import AsyncPredictionClient
from ctr_client.errors import PredictionError
from ctr_client.messages import Item, search
from ctr_client.options import ClientOptions
from tests.support.gateway import Gateway
from tests.support.remote_world import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LONG_S = 5.0
SLACK_S = 0.5
"""What a busy machine may add to a deadline of which a test says that it holds."""
QUERIES = 12
ITEMS = 6
UNCACHED = ("--score-cache-bytes", "0")
"""A cached score would hide every fault."""


@dataclass(frozen=True)
class Ask:
    """One call: what it got.

    Attributes:
        reason, code, message: of the status; empty when every item was scored.
    """

    query: int
    seconds: float
    deadline_s: float
    reason: str
    scores: tuple[float, ...]
    code: str = ""
    message: str = ""


def a_search(query: int) -> pb.PredictClicksRequest:
    """Return one of the searches."""
    items = [Item(str(n), f"mug {query} {n * n}") for n in range(ITEMS)]
    return search(f"query {query}", items)


@dataclass
class Callers:
    """Callers of one gateway.

    Attributes:
        gateway: a process of its own.
        expected: query -> its scores, asked while all was well.
        asks: everything that was asked since.
    """

    gateway: Gateway
    client: AsyncPredictionClient
    expected: dict[int, tuple[float, ...]] = field(default_factory=dict)
    asks: list[Ask] = field(default_factory=list)

    async def ask(self, query: int = 0, deadline_s: float = LONG_S) -> Ask:
        """Ask once; check that the answer is right, and that it came in time."""
        scores: tuple[float, ...] = ()
        code = message = ""
        began_s = time.monotonic()
        try:
            answer = await self.client.predict_clicks(a_search(query), deadline_s=deadline_s)
        except PredictionError as error:
            code, message = error.code.name, str(error)
            reason = error.reason or code
        else:
            reason, scores = _read(answer)
        seconds = time.monotonic() - began_s
        done = Ask(query, seconds, deadline_s, reason, scores, code, message)
        assert done.seconds <= deadline_s + SLACK_S, f"it hung past its deadline: {done}"
        if scores and query in self.expected:
            np.testing.assert_allclose(scores, self.expected[query], atol=1e-6)
        self.asks.append(done)
        return done

    async def ask_all(self, deadline_s: float = LONG_S) -> list[Ask]:
        """Ask every search at once."""
        return list(await asyncio.gather(*(self.ask(q, deadline_s) for q in range(QUERIES))))

    async def recovers(self) -> None:
        """Wait until all searches are scored again."""

        async def all_scored() -> bool:
            return not any(ask.reason for ask in await self.ask_all(1.0))

        await eventually(all_scored)

    async def hears(self, sample: str, least: float = 1) -> None:
        """Wait until a sample of /metrics, given as a pattern, is so high."""

        async def is_high() -> bool:
            found = re.findall(rf"^{sample} (\S+)$", await self.metrics(), re.MULTILINE)
            return sum(map(float, found)) >= least

        await eventually(is_high)

    async def metrics(self) -> str:
        """Return the text of /metrics."""
        return await asyncio.to_thread(self.gateway.metrics)

    def reasons(self) -> set[str]:
        """Return why calls failed so far."""
        return {ask.reason for ask in self.asks} - {""}


def _read(answer: pb.PredictClicksResponse) -> tuple[str, tuple[float, ...]]:
    """Return the scores of an answer, or why an item has none."""
    for prediction in answer.predictions:
        if prediction.status != pb.PREDICTION_STATUS_SCORED:
            return "FALLBACK", ()
    return "", tuple(prediction.click_probability for prediction in answer.predictions)


@contextlib.asynccontextmanager
async def callers_of(bundle: Path, targets: str, *flags: str) -> AsyncIterator[Callers]:
    """A gateway on given servers, with callers that know what is right."""
    # Waited for in a thread: this loop may be what lies between the gateway and its Triton.
    gateway = Gateway(bundle, "--triton", targets, *UNCACHED, *flags)
    try:
        await asyncio.to_thread(gateway.event, "serving")
        options = ClientOptions(max_attempts=1)
        async with AsyncPredictionClient(gateway.target, options) as client:
            callers = Callers(gateway, client)
            for ask in await callers.ask_all():
                assert not ask.reason
                callers.expected[ask.query] = ask.scores
            assert len(set(callers.expected.values())) == QUERIES
            callers.asks.clear()
            yield callers
    finally:
        await asyncio.to_thread(gateway.close)
