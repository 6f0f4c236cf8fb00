"""Scores and token ids shared through a real Redis, and what happens when its cable is cut."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.backend.scripted import ScriptedBackend
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import BuiltRows
from ctr_service.clock import SystemClock
from ctr_service.limits import NS_PER_S
from ctr_service.scores.cache import ScoreCache
from ctr_service.scores.remote import RemoteScores, RemoteTokens
from ctr_service.scores.scorer import Scorer
from ctr_service.types import Priority, Row, Source
from tests.support.batching import make_batcher
from tests.support.redis_server import running_redis
from tests.support.remote_world import RemoteWorld, remote_world

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctr_service.bundle.template import Segments
    from tests.support.redis_server import RedisServer

ROWS = [("q", title) for title in ("ab", "cd", "EF")]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A server of its own for each test."""
    with running_redis() as server:
        yield server


class LetterRows:
    """Rows whose token ids are letters; upper-case texts count as cut."""

    def build(self, rows: Sequence[Segments]) -> BuiltRows:
        """Return a row a segment pair."""
        ids = [np.array([ord(letter) for letter in s[1]], dtype=np.int32) for s in rows]
        return BuiltRows(
            [Row.of(row, 1) for row in ids], [(s[1],) if s[1].isupper() else () for s in rows]
        )


async def score(world: RemoteWorld, digest: str = "model-1") -> tuple[list[Source], Scorer]:
    """Score ROWS in a fresh process, as it were: only Redis is shared with earlier ones."""
    clock = SystemClock()
    backend = ScriptedBackend(slots=1, clock=clock)
    batcher = make_batcher(backend, clock)
    await batcher.start()
    remote = RemoteScores(world.layer, model_digest=digest, ttl_s=600)
    cache = ScoreCache(max_bytes=1 << 20, ttl_ns=NS_PER_S * 600, rng=random.Random(0))  # noqa: S311 -- jitter
    scorer = Scorer(rows=LetterRows(), batcher=batcher, cache=cache, clock=clock, remote=remote)
    answer = await scorer.score(
        ROWS, deadline_ns=clock.now_ns() + 20 * NS_PER_S, priority=Priority.INTERACTIVE
    )
    await world.hub.flushed()
    await batcher.close()
    await backend.close()
    assert answer.gather.cut_texts == {"EF"}
    assert None not in answer.gather.logits
    return answer.gather.sources, scorer


async def test_a_second_process_finds_what_the_first_computed(redis: RedisServer) -> None:
    """Logits and cut texts come from Redis; a model of another digest computes its own."""
    async with remote_world(redis.url) as world:
        assert (await score(world))[0] == [Source.MODEL] * 3
        assert (await score(world))[0] == [Source.CACHE] * 3
        assert (await score(world, "model-2"))[0] == [Source.MODEL] * 3


async def test_scores_are_computed_when_redis_is_gone(redis: RedisServer) -> None:
    """The server dies between two requests: the second one is answered by the model."""
    async with remote_world(redis.url) as world:
        await score(world)
        redis.stop()
        assert (await score(world))[0] == [Source.MODEL] * 3


async def test_token_ids_are_shared(redis: RedisServer) -> None:
    """What one process tokenised the next one reads; a text that nobody knows is named."""
    async with remote_world(redis.url) as world:
        first, second = TokenCache(1 << 16), TokenCache(1 << 16)

        def tokens(local: TokenCache) -> RemoteTokens:
            return RemoteTokens(
                world.layer,
                local,
                tokenizer_digest="t",
                ttl_s=600,
                random=lambda: 0.5,
            )

        first.put("red shoe", b"\x01\x00\x00\x00")
        tokens(first).put_soon(["red shoe"])
        await world.hub.flushed()
        far_ns = SystemClock().now_ns() + 20 * NS_PER_S
        unknown = await tokens(second).prefetch([("red shoe", "hat")], deadline_ns=far_ns)
        assert unknown == ["hat"]
        assert second.get_many(["red shoe"])[0] == {"red shoe": b"\x01\x00\x00\x00"}
