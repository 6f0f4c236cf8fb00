"""Claims of `ctr_service.predictor`, over the tiny bundle."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ctr_service.backend.base import Backend, Cost
from ctr_service.backend.onnx_session import OnnxSession, open_onnx_sessions
from ctr_service.backend.scripted import ScriptedBackend, ScriptedRun
from ctr_service.backend.sessions import SessionsBackend
from ctr_service.batcher.batcher import Batcher
from ctr_service.batcher.cost import CostModel
from ctr_service.batcher.observer import NullObserver
from ctr_service.bundle.bundle import Bundle, load_bundle
from ctr_service.bundle.template import Renderer
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer
from ctr_service.clock import ManualClock
from ctr_service.errors import (
    BackendFailedError,
    CtrError,
    DeadlineExceededError,
    NotServingError,
    OverloadedError,
    Reason,
    RequestInvalidError,
)
from ctr_service.predictor import Predictor
from ctr_service.scores.cache import ScoreCache
from ctr_service.scores.scorer import Scorer
from ctr_service.types import (
    Candidate,
    ItemError,
    Prediction,
    Priority,
    SearchRequest,
    Source,
    Status,
)
from tests.support.rows import padded
from tests.support.tiny_bundle import make_tiny_bundle, make_tiny_tokenizer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from ctr_service.backend.scripted import Script
    from ctr_service.types import FeatureValue

MS = 1_000_000
FAR_NS = 10**15
RESERVE_NS = 5 * MS
VOCABULARY = make_tiny_tokenizer().get_vocab()
POISON_ID, FAILING_ID = VOCABULARY["z"], VOCABULARY["q"]
"""A title that begins a word with z poisons its batch; one with q fails alone."""
TITLES = ("red shoe", "blue boot", "a", "long leather coat for men", "hat 12", "sock")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny bundle."""
    return load_bundle(make_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny"))


def search(
    titles: Sequence[str] = TITLES,
    deadline_ns: int = FAR_NS,
    *,
    candidates: tuple[Candidate, ...] | None = None,
    user_features: Mapping[str, FeatureValue] | None = None,
    context_features: Mapping[str, FeatureValue] | None = None,
) -> SearchRequest:
    """Return a search with one candidate a title, or with the candidates given."""
    listed = tuple(Candidate(f"id-{i}", title) for i, title in enumerate(titles))
    return SearchRequest(
        "r",
        "warm things",
        listed if candidates is None else candidates,
        deadline_ns,
        user_features=user_features or {},
        context_features=context_features or {},
    )


class Rig:
    """A predictor over the tiny bundle on a clock that stands still."""

    def __init__(
        self,
        bundle: Bundle,
        clock: ManualClock,
        backend: Backend,
        cache: ScoreCache | None = None,
    ) -> None:
        self.clock = clock
        self.backend = backend
        manifest = bundle.manifest
        default = manifest.default
        self.calibration = manifest.variant(
            default.graph, default.engine, default.precision
        ).calibration
        self.cost = CostModel()
        self.batcher = Batcher(
            backend,
            graph=default.graph,
            buckets_tokens=manifest.layout.buckets_tokens,
            max_batch_tokens=manifest.layout.max_batch_tokens,
            skips_padding=False,
            pad_id=manifest.template.pad_id,
            clock=clock,
            cost=self.cost,
            max_queued_tokens=1 << 16,
            observer=NullObserver(),
        )
        self.rows = RowBuilder(
            load_tokenizer(bundle.tokenizer_path), manifest.template, TokenCache(1 << 20)
        )
        self.renderer = Renderer(manifest.template, manifest.features)
        self.predictor = Predictor(
            renderer=self.renderer,
            scorer=Scorer(rows=self.rows, batcher=self.batcher, cache=cache, clock=clock),
            calibration=self.calibration,
            base_rate=manifest.base_rate,
            clock=clock,
            reserve_ns=RESERVE_NS,
        )


@contextlib.asynccontextmanager
async def scripted_rig(
    bundle: Bundle,
    script: Script | None = None,
    clock: ManualClock | None = None,
    slots: int = 2,
    cache: ScoreCache | None = None,
) -> AsyncIterator[Rig]:
    """Serve on the scripted backend."""
    clock = clock or ManualClock()
    backend = ScriptedBackend(
        slots=slots,
        clock=clock,
        script=script,
        poison_ids=frozenset({POISON_ID}),
        failing_ids=frozenset({FAILING_ID}),
    )
    rig = Rig(bundle, clock, backend, cache)
    await rig.batcher.start()
    yield rig
    await rig.batcher.close()
    await backend.close()


@contextlib.asynccontextmanager
async def onnx_rig(bundle: Bundle) -> AsyncIterator[Rig]:
    """Serve on the bundle's own graph."""
    clock = ManualClock()
    path = bundle.path_of(bundle.manifest.variant("joint", "onnxruntime", "fp32"))
    backend = SessionsBackend(
        {"joint": path}, open_onnx_sessions, sessions=2, threads_a_session=1, clock=clock
    )
    rig = Rig(bundle, clock, backend)
    await rig.batcher.start()
    yield rig
    await rig.batcher.close()
    await backend.close()


def kinds(predictions: Sequence[Prediction]) -> list[tuple[Status, Source | None, Reason | None]]:
    """Return status, source and reason of each prediction."""
    return [(p.status, p.source, p.error.reason if p.error else None) for p in predictions]


async def test_probabilities_are_the_graphs_calibrated_in_request_order(bundle: Bundle) -> None:
    """Each candidate's probability is that of its own row, run alone through the session."""
    path = bundle.path_of(bundle.manifest.variant("joint", "onnxruntime", "fp32"))
    async with onnx_rig(bundle) as rig:
        answer = await rig.predictor.predict(search())
        shared = rig.renderer.request("warm things", {}, {})
        segments = [rig.renderer.row(shared, rig.renderer.item(title, {})) for title in TITLES]
        session = OnnxSession(path, threads=1)
        logits = [
            session.run(padded([row], row.length))["logits"][0]
            for row in rig.rows.build(segments).rows
        ]
        expected = rig.calibration.apply(np.array(logits, dtype=np.float64))
    assert [p.item_id for p in answer.predictions] == [f"id-{i}" for i in range(len(TITLES))]
    served = [p.click_probability for p in answer.predictions]
    np.testing.assert_allclose(np.array(served, dtype=np.float64), expected, atol=1e-6)
    assert kinds(answer.predictions) == [(Status.SCORED, Source.MODEL, None)] * len(TITLES)
    assert not answer.degraded


async def test_a_probability_does_not_depend_on_its_neighbours(bundle: Bundle) -> None:
    """The same candidate alone, among others, in another order, under load: the same number."""
    async with onnx_rig(bundle) as rig:
        expected = {}
        for title in TITLES:
            (alone,) = (await rig.predictor.predict(search([title]))).predictions
            expected[title] = alone.click_probability
        rng = np.random.default_rng(0)
        lists = [
            [TITLES[i] for i in rng.permutation(len(TITLES))[: rng.integers(1, 7)]]
            for _ in range(40)
        ]
        answers = await asyncio.gather(*(rig.predictor.predict(search(t)) for t in lists))
    for titles, answer in zip(lists, answers, strict=True):
        served = [p.click_probability for p in answer.predictions]
        assert served == pytest.approx([expected[title] for title in titles], abs=1e-6)


async def test_equal_rows_are_computed_once(bundle: Bundle) -> None:
    """Candidates that the model cannot tell apart share one row and are all source MODEL."""
    seen: list[int] = []

    async def count(run: ScriptedRun) -> None:
        seen.append(run.rows)

    async with scripted_rig(bundle, count) as rig:
        answer = await rig.predictor.predict(search(["shoe", "boot", "shoe", "shoe"]))
    assert sum(seen) == 2
    first, boot, *same = (p.click_probability for p in answer.predictions)
    assert same == [first, first]
    assert first != boot
    assert kinds(answer.predictions) == [(Status.SCORED, Source.MODEL, None)] * 4


async def test_an_invalid_item_does_not_disturb_the_others(bundle: Bundle) -> None:
    """INVALID has no probability and its reason; the answer is not degraded by it."""
    refused = ItemError(Reason.TEXT_TOO_LONG, "said at the edge")
    candidates = (
        Candidate("a", "shoe"),
        Candidate("b", "", error=refused),
        Candidate("c", "shoe", features={"price": "dear"}),
        Candidate("d", "shoe", features={"price": 3.0}),
    )
    async with scripted_rig(bundle) as rig:
        answer = await rig.predictor.predict(search(candidates=candidates))
    assert kinds(answer.predictions) == [
        (Status.SCORED, Source.MODEL, None),
        (Status.INVALID, None, Reason.TEXT_TOO_LONG),
        (Status.INVALID, None, Reason.FEATURE_TYPE_MISMATCH),
        (Status.SCORED, Source.MODEL, None),
    ]
    assert answer.predictions[1].click_probability is None
    assert answer.predictions[2].error is not None
    assert "candidates[2].features[price]" in answer.predictions[2].error.detail
    assert not answer.degraded


async def test_a_list_of_invalid_items_is_answered_without_a_run(bundle: Bundle) -> None:
    """Nothing to score is no failure."""
    refused = ItemError(Reason.EMPTY_ITEM_ID, "said at the edge")
    async with scripted_rig(bundle) as rig:
        answer = await rig.predictor.predict(search(candidates=(Candidate("", "", error=refused),)))
        assert isinstance(rig.backend, ScriptedBackend)
        assert rig.backend.runs == 0
    assert kinds(answer.predictions) == [(Status.INVALID, None, Reason.EMPTY_ITEM_ID)]
    assert not answer.degraded


@pytest.mark.parametrize("title", ["zoo", "quilt"])
async def test_a_row_that_fails_falls_back_alone(bundle: Bundle, title: str) -> None:
    """A poisoned row and one that the backend names: prior, else base rate, and degraded."""
    candidates = (
        Candidate("a", "shoe"),
        Candidate("b", title, prior_score=0.0),
        Candidate("c", title),
        Candidate("d", "boot"),
    )
    async with scripted_rig(bundle) as rig:
        answer = await rig.predictor.predict(search(candidates=candidates))
        alone = await rig.predictor.predict(search(["shoe", "boot"]))
    a, b, c, d = answer.predictions
    failed = Reason.BACKEND_FAILED
    assert kinds([b, c]) == [
        (Status.FALLBACK, Source.PRIOR, failed),
        (Status.FALLBACK, Source.BASE_RATE, failed),
    ]
    assert (b.click_probability, c.click_probability) == (0.0, bundle.manifest.base_rate)
    assert [p.click_probability for p in (a, d)] == [p.click_probability for p in alone.predictions]
    assert answer.degraded


async def test_what_is_late_falls_back_before_the_deadline(bundle: Bundle) -> None:
    """With one slot hanging, the answer leaves at deadline less reserve, with what is there."""
    clock = ManualClock()
    gate, first_done = asyncio.Event(), asyncio.Event()

    async def second_hangs(run: ScriptedRun) -> None:
        if run.number > 1:
            first_done.set()
            await gate.wait()

    async with scripted_rig(bundle, second_hangs, clock) as rig:
        deadline_ns = RESERVE_NS + 8 * MS
        task = asyncio.create_task(
            rig.predictor.predict(search(["shoe", "boot"], deadline_ns=deadline_ns))
        )
        await first_done.wait()
        clock.advance_ns(8 * MS)
        answer = await task
        gate.set()
    reasons = kinds(answer.predictions)
    assert sorted(reasons, key=str) == sorted(
        [
            (Status.SCORED, Source.MODEL, None),
            (Status.FALLBACK, Source.BASE_RATE, Reason.DEADLINE_EXCEEDED),
        ],
        key=str,
    )
    assert answer.degraded


async def test_a_late_item_gets_its_expired_score_else_its_prior_else_the_base_rate(
    bundle: Bundle,
) -> None:
    """STALE is the very probability that was served before, calibrated."""
    clock, late = ManualClock(), asyncio.Event()
    cache = ScoreCache(max_bytes=1 << 20, ttl_ns=MS, rng=random.Random(0))  # noqa: S311 -- jitter, no secret

    async def later_runs_hang(run: ScriptedRun) -> None:
        if run.number > 1:
            late.set()
            await asyncio.Event().wait()

    async with scripted_rig(bundle, later_runs_hang, clock, slots=1, cache=cache) as rig:
        (scored,) = (await rig.predictor.predict(search(["shoe"]))).predictions
        clock.advance_ns(2 * MS)
        candidates = (
            Candidate("a", "shoe", prior_score=0.9),
            Candidate("b", "boot", prior_score=0.9),
            Candidate("c", "hat"),
        )
        deadline_ns = clock.now_ns() + RESERVE_NS + 8 * MS
        task = asyncio.create_task(
            rig.predictor.predict(search(candidates=candidates, deadline_ns=deadline_ns))
        )
        await late.wait()
        clock.advance_ns(8 * MS)
        answer = await task
    why = Reason.DEADLINE_EXCEEDED
    assert kinds(answer.predictions) == [
        (Status.FALLBACK, Source.STALE, why),
        (Status.FALLBACK, Source.PRIOR, why),
        (Status.FALLBACK, Source.BASE_RATE, why),
    ]
    assert [p.click_probability for p in answer.predictions] == [
        scored.click_probability,
        0.9,
        bundle.manifest.base_rate,
    ]


async def test_priors_are_put_on_the_models_scale(bundle: Bundle) -> None:
    """After many scored items whose priors were too high, a late one's prior is lowered."""
    async with scripted_rig(bundle) as rig:
        for number in range(60):
            listed = tuple(
                Candidate(f"{n}", f"shoe {number} {n}", prior_score=0.99) for n in range(8)
            )
            answer = await rig.predictor.predict(search(candidates=listed))
        served = [p.click_probability for p in answer.predictions if p.click_probability]
        failing = (Candidate("a", "shoe"), Candidate("b", "zoo", prior_score=0.99))
        _, late = (await rig.predictor.predict(search(candidates=failing))).predictions
    assert (late.status, late.source) == (Status.FALLBACK, Source.PRIOR)
    assert late.click_probability is not None
    assert min(served) <= late.click_probability <= max(served)
    assert late.click_probability < 0.9


async def test_a_search_of_which_nothing_is_ready_fails_as_late(bundle: Bundle) -> None:
    """DeadlineExceededError names what was given and what it took, in nanoseconds."""
    clock = ManualClock(now_ns=7)

    async def hang(_: ScriptedRun) -> None:
        clock.advance_ns(20 * MS)
        await asyncio.Event().wait()

    async with scripted_rig(bundle, hang, clock) as rig:
        with pytest.raises(DeadlineExceededError) as late:
            await rig.predictor.predict(search(deadline_ns=7 + 15 * MS))
    assert late.value.metadata == {"limit": str(15 * MS), "size": str(20 * MS)}
    assert "15 ms" in str(late.value)


async def test_no_time_left_after_the_reserve_is_late_at_once(bundle: Bundle) -> None:
    """A deadline within the reserve fails without a run."""
    async with scripted_rig(bundle) as rig:
        with pytest.raises(DeadlineExceededError):
            await rig.predictor.predict(search(deadline_ns=RESERVE_NS))
        assert isinstance(rig.backend, ScriptedBackend)
        assert rig.backend.runs == 0


async def test_a_search_that_fails_whole_says_so(bundle: Bundle) -> None:
    """When every row failed, the backend is to blame, not the deadline."""
    async with scripted_rig(bundle) as rig:
        with pytest.raises(BackendFailedError):
            await rig.predictor.predict(search(["zoo", "quilt"]))


async def test_shed_rows_fall_back_as_overloaded(bundle: Bundle) -> None:
    """Of a list too long for its deadline the lowest ranks are scored, the rest is shed."""
    titles = [f"shoe {i}" for i in range(30)]
    async with scripted_rig(bundle) as rig:
        rig.cost = CostModel([Cost(bucket, 8, bucket * 8 * 1e-4) for bucket in (32, 64)])
        rig.batcher._cost = rig.cost
        ranked = tuple(
            Candidate(title, title, rank=len(titles) - i) for i, title in enumerate(titles)
        )
        answer = await rig.predictor.predict(
            search(candidates=ranked, deadline_ns=RESERVE_NS + 60 * MS)
        )
    statuses = [p.status for p in answer.predictions]
    shed = statuses.count(Status.FALLBACK)
    assert 0 < shed < len(titles)
    assert statuses == [Status.FALLBACK] * shed + [Status.SCORED] * (len(titles) - shed)
    assert kinds(answer.predictions)[0][2] is Reason.OVERLOADED


async def test_refusals_of_the_batcher_pass_through(bundle: Bundle) -> None:
    """Overload and closing are the caller's to see, as they are."""
    async with scripted_rig(bundle) as rig:
        too_long = [f"shoe {i}" for i in range(1 << 12)]
        with pytest.raises(OverloadedError):
            await rig.predictor.predict(search(too_long))
    with pytest.raises(NotServingError):
        await rig.predictor.predict(search())


@pytest.mark.parametrize("priority", list(Priority))
async def test_the_priority_reaches_the_batcher(bundle: Bundle, priority: Priority) -> None:
    """A bulk search waits in the bulk lane."""

    class Listening(NullObserver):
        def __init__(self) -> None:
            self.lanes: list[Priority] = []

        def admitted(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:
            assert 0 < rows < padded_tokens
            self.lanes.append(priority)

    async with scripted_rig(bundle) as rig:
        observer = Listening()
        rig.batcher._observer = observer
        await rig.predictor.predict(dataclasses.replace(search(), priority=priority))
    assert observer.lanes == [priority]


async def test_a_bad_user_feature_refuses_the_request(bundle: Bundle) -> None:
    """Nothing is queued for a request that is wrong as a whole."""
    async with scripted_rig(bundle) as rig:
        with pytest.raises(RequestInvalidError):
            await rig.predictor.predict(search(user_features={"segment": 1}))


async def test_the_answer_carries_what_happened_on_the_way(bundle: Bundle) -> None:
    """Stage times, truncated texts, defaulted and ignored features."""
    clock = ManualClock()

    async def takes_9_ms(_: ScriptedRun) -> None:
        clock.advance_ns(9 * MS)

    async with scripted_rig(bundle, takes_9_ms, clock, slots=1) as rig:
        answer = await rig.predictor.predict(
            search(
                ["x" * 60, "shoe", "x" * 60],
                user_features={"segment": "new", "shoe_size": 44.0},
                context_features={"hour": 3},
            )
        )
    assert answer.truncated_texts == 1
    assert answer.ignored_features == ("user.shoe_size",)
    assert answer.predictions[1].defaulted_features == ("item.price", "item.brand", "item.tags")
    timings = answer.timings
    assert timings.compute_ns == 9 * MS
    assert isinstance(rig.backend, ScriptedBackend)
    assert timings.total_ns == 9 * MS * rig.backend.runs
    assert (timings.features_ns, timings.tokens_ns) == (0, 0)
    assert timings.queue_ns == timings.total_ns - 9 * MS


async def test_no_error_repeats_what_the_user_sent(bundle: Bundle) -> None:
    """Neither an item's detail nor an exception holds a query, a title, an id or a value."""
    secrets = ("hunter2", "zebra")
    heard: list[str] = []
    async with scripted_rig(bundle) as rig:
        candidates = (
            Candidate("hunter2", "zebra hunter2"),
            Candidate("b", "shoe", features={"price": "hunter2"}),
            Candidate("c", "shoe"),
        )
        answer = await rig.predictor.predict(search(candidates=candidates))
        heard += [p.error.detail for p in answer.predictions if p.error]
        for bad in (
            search(candidates=candidates[:1]),
            search(user_features={"segment": 2.0}),
            search(context_features={"hour": "hunter2"}),
        ):
            with pytest.raises(CtrError) as error:
                await rig.predictor.predict(bad)
            heard += [str(error.value), *error.value.metadata.values()]
    assert len(heard) >= 5
    assert not [text for text in heard if any(secret in text for secret in secrets)]


async def test_tasks_are_made_for_batches_and_not_for_candidates(bundle: Bundle) -> None:
    """A list five times as long takes as many tasks, as long as it takes as many runs."""
    made: list[int] = []
    loop = asyncio.get_running_loop()

    def factory(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:  # noqa: ANN401 -- asyncio's own signature
        made[-1] += 1
        return asyncio.Task(work, loop=loop, **more)

    async with scripted_rig(bundle, slots=1) as rig:
        assert isinstance(rig.backend, ScriptedBackend)
        loop.set_task_factory(factory)
        try:
            for titles in (["a", "b"], list("abcdefghij")):
                made.append(0)
                runs = rig.backend.runs
                await rig.predictor.predict(search(titles))
                assert rig.backend.runs == runs + 1
        finally:
            loop.set_task_factory(None)
    assert made[0] == made[1] > 0


async def test_cancelling_the_caller_stops_the_search(bundle: Bundle) -> None:
    """A cancelled search leaves nothing in the queue, and the next one is served."""
    gate = asyncio.Event()

    async def wait(run: ScriptedRun) -> None:
        if run.number == 1:
            await gate.wait()

    async with scripted_rig(bundle, wait, slots=1) as rig:
        blocker = asyncio.create_task(rig.predictor.predict(search(["hat"])))
        leaver = asyncio.create_task(rig.predictor.predict(search(["shoe", "boot"])))
        for _ in range(5):
            await asyncio.sleep(0)
        leaver.cancel()
        await asyncio.gather(leaver, return_exceptions=True)
        gate.set()
        await blocker
        answer = await rig.predictor.predict(search(["sock"]))
        assert isinstance(rig.backend, ScriptedBackend)
        assert rig.backend.runs == 2
    assert answer.predictions[0].status is Status.SCORED
