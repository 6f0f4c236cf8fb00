"""100,000 concurrent searches with cancellations: every answer is that of its own rows."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.scripted import ScriptedBackend, scripted_logits
from ctr_service.bundle.tokens import BuiltRows
from ctr_service.clock import SystemClock
from ctr_service.errors import OverloadedError
from ctr_service.limits import NS_PER_S
from ctr_service.scores.cache import ScoreCache
from ctr_service.scores.scorer import Scorer
from ctr_service.types import Priority, Row, Source
from tests.support.batching import make_batcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.backend.scripted import ScriptedRun
    from ctr_service.bundle.template import Segments
    from ctr_service.scores.asked import ScoredRows

REQUESTS = 100_000
SIDE_BY_SIDE = 400
TITLES = 3_000
FIRST_LENGTH = 1


class NumberRows:
    """A title is a number; its row spells it in token ids of varied length."""

    @staticmethod
    def ids(title: str) -> list[int]:
        """Return the ids of a title."""
        number = int(title)
        return [10 + (number >> shift) % 90 for shift in range(1 + number % 7)] + [number]

    def build(self, rows: Sequence[Segments]) -> BuiltRows:
        """Return a row a title."""
        made = [Row.of(np.array(self.ids(s[1]), dtype=np.int32), FIRST_LENGTH) for s in rows]
        return BuiltRows(made, [()] * len(made))


def truth() -> dict[str, float]:
    """Return what the engine gives each title when it runs alone."""
    found = {}
    for title in map(str, range(TITLES)):
        ids = np.array([NumberRows.ids(title)], dtype=np.int32)
        lengths = np.array([ids.shape[1]], dtype=np.int32)
        logits = scripted_logits(ids, lengths, np.array([FIRST_LENGTH], dtype=np.int32))
        found[title] = float(logits[0])
    return found


class Crowd:
    """Callers on one scorer; some leave while they wait."""

    def __init__(self, scorer: Scorer, clock: SystemClock, rng: random.Random) -> None:
        self.outcomes: Counter[str] = Counter()
        self._scorer = scorer
        self._clock = clock
        self._rng = rng
        self._expected = truth()

    async def search(self) -> None:
        """Score one list and check what comes."""
        rng = self._rng
        segments = [("q", str(n)) for n in rng.sample(range(TITLES), rng.randint(1, 4))]
        scoring = asyncio.ensure_future(
            self._scorer.score(
                segments,
                deadline_ns=self._clock.now_ns() + rng.randint(1, 60) * NS_PER_S,
                priority=Priority.BULK if rng.random() < 0.2 else Priority.INTERACTIVE,
            )
        )
        if rng.random() < 0.1:
            for _ in range(rng.randint(0, 6)):
                await asyncio.sleep(0)
            scoring.cancel()
        try:
            answer = await scoring
        except asyncio.CancelledError:
            self.outcomes["cancelled"] += 1
        except OverloadedError:
            self.outcomes["refused"] += 1
        else:
            self.check(segments, answer)

    def check(self, segments: Sequence[Segments], answer: ScoredRows) -> None:
        """Assert that each logit is its own row's."""
        for (_, title), logit in zip(segments, answer.gather.logits, strict=True):
            assert logit is None or logit == self._expected[title]
        self.outcomes["late" if answer.gather.errors else "answered"] += 1
        self.outcomes.update(source.name for source in answer.gather.sources)


async def take_a_turn(run: ScriptedRun) -> None:
    """Let runs end in another order than they began."""
    for _ in range(run.number % 5):
        await asyncio.sleep(0)


async def test_no_answer_is_another_searchs() -> None:
    """Cached, coalesced, batched with strangers, beside callers who leave: each gets its own."""
    rng, clock = random.Random(0), SystemClock()  # noqa: S311 -- repeatable, no secret
    backend = ScriptedBackend(slots=3, clock=clock, script=take_a_turn)
    batcher = make_batcher(backend, clock)
    await batcher.start()
    cache = ScoreCache(max_bytes=200_000, ttl_ns=NS_PER_S // 2, rng=rng)
    scorer = Scorer(rows=NumberRows(), batcher=batcher, cache=cache, clock=clock)
    crowd, left = Crowd(scorer, clock, rng), iter(range(REQUESTS))

    async def caller() -> None:
        for _ in left:
            await crowd.search()

    await asyncio.gather(*(caller() for _ in range(SIDE_BY_SIDE)))
    await batcher.close()
    await backend.close()
    assert len(scorer.flights) == 0
    assert crowd.outcomes["answered"] > 0.8 * REQUESTS
    assert crowd.outcomes["cancelled"] > 0.01 * REQUESTS
    for source in (Source.MODEL, Source.CACHE, Source.COALESCED):
        assert crowd.outcomes[source.name] > 1_000, "each way was taken"
