"""The whole gateway inside the test's loop, around a backend that does what a test says."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ctr_client.aio_client import AsyncPredictionClient
from ctr_client.errors import DeadlineError, UnavailableError, details_of
from ctr_client.messages import Item, search
from ctr_client.options import ClientOptions
from ctr_service.app import App
from ctr_service.backend.scripted import ScriptedBackend
from ctr_service.errors import BackendFailedError, SettingsError
from ctr_service.outside import Outside
from ctr_service.scoring import Engine
from ctr_service.settings import load_settings
from tests.support.grpc_server import PREDICT, raw_method
from tests.support.redis_server import free_port
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import NoReturn

    from ctr.v1 import prediction_pb2 as pb
    from ctr_client.errors import Trailing
    from ctr_service.backend.base import Cost
    from ctr_service.backend.scripted import ScriptedRun
    from ctr_service.engine_order import EngineOrder

LONG_S = 9.0
PATIENCE_S = 10.0
ONE_ATTEMPT = ClientOptions(max_attempts=1)


@dataclass
class World:
    """A gateway whose warm-up and runs wait for the test.

    Attributes:
        warm_up: ends when it is set.
        run: every run ends when it is set.
        entered: is set by the first run.
        broken: every run fails.
    """

    bundle: Path
    warm_up: asyncio.Event = field(default_factory=asyncio.Event)
    run: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    warm_up_error: Exception | None = None
    broken: bool = False
    flags: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        flags = {
            "bundle": self.bundle,
            "port": 0,
            "metrics_port": 0,
            "reserve_s": 0.2,
            **self.flags,
        }
        self.log = structlog.testing.CapturingLogger()
        self.app = App(
            load_settings(flags),
            log=self.log,
            outside=Outside(open_engine=self.open_engine),
        )

    def open_engine(self, order: EngineOrder) -> Engine:
        """One slot that waits."""
        self.backend = ScriptedBackend(slots=1, clock=order.clock, script=self.script)
        return Engine(self.backend, self.warm)

    async def warm(self) -> tuple[Cost, ...]:
        """Warm up when the test says so."""
        await self.warm_up.wait()
        if self.warm_up_error is not None:
            raise self.warm_up_error
        return ()

    async def script(self, _: ScriptedRun) -> None:
        """Run until the test says so."""
        if self.broken:
            raise BackendFailedError("the engine broke")
        self.entered.set()
        await self.run.wait()

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[AsyncPredictionClient]:
        """A client of the app, which never retries."""
        async with AsyncPredictionClient(f"127.0.0.1:{self.app.port}", ONE_ATTEMPT) as client:
            yield client


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A gateway that is not started."""
    return World(make_tiny_bundle(tmp_path / "bundle"))


def a_search(query: str = "mug") -> pb.PredictClicksRequest:
    """Two candidates; another query makes other rows, which are not computed together."""
    return search(query, [Item("a", "blue mug"), Item("b", "red mug")])


async def listening(world: World) -> asyncio.Task[None]:
    """Start the app and return once it listens, long before it serves."""
    starting = asyncio.create_task(world.app.start())
    async with asyncio.timeout(PATIENCE_S):
        while world.app.port == 0:  # noqa: ASYNC110 -- the app tells nobody that it listens
            await asyncio.sleep(0)
    return starting


async def test_health_follows_warm_up_and_stop(world: World) -> None:
    """NOT_SERVING and refusals during warm-up, then SERVING and answers."""
    starting = await listening(world)
    async with world.client() as client:
        assert await client.health(wait_for_ready=True, deadline_s=LONG_S) == "NOT_SERVING"
        with pytest.raises(UnavailableError) as caught:
            await client.predict_clicks(a_search(), deadline_s=LONG_S)
        assert caught.value.reason == "NOT_SERVING"
        with pytest.raises(UnavailableError):
            await client.get_model(deadline_s=LONG_S)
        world.warm_up.set()
        await starting
        world.run.set()
        assert await client.health() == "SERVING"
        answer = await client.predict_clicks(a_search(), deadline_s=LONG_S)
        assert len(answer.predictions) == 2
    await world.app.stop()


async def test_a_deadline_that_passes_in_the_queue_is_named(world: World) -> None:
    """A request whose turn does not come gets DEADLINE_EXCEEDED from the server; others go on."""
    world.warm_up.set()
    async with world.app, world.client() as client:
        first = asyncio.create_task(client.predict_clicks(a_search(), deadline_s=LONG_S))
        await asyncio.wait_for(world.entered.wait(), PATIENCE_S)
        with pytest.raises(DeadlineError) as caught:
            await client.predict_clicks(a_search("cup"), deadline_s=0.5)
        assert caught.value.reason == "DEADLINE_EXCEEDED"
        limit_ns = int(caught.value.details.metadata["limit"])
        assert limit_ns == pytest.approx(500_000_000, rel=0.1)
        world.run.set()
        assert len((await first).predictions) == 2
        assert world.backend.runs == 1


async def test_a_full_queue_is_refused_with_a_time_to_come_back(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED, RetryInfo and gRPC's own pushback, before anything is queued."""
    world = World(make_tiny_bundle(tmp_path / "bundle"), flags={"max_queued_tokens": 1_024})
    world.warm_up.set()
    too_much = search("cup", [Item(str(n), f"cup {n}") for n in range(50)])
    async with world.app, world.client() as client:
        first = asyncio.create_task(client.predict_clicks(a_search(), deadline_s=LONG_S))
        await asyncio.wait_for(world.entered.wait(), PATIENCE_S)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{world.app.port}") as channel:
            method = raw_method(channel, PREDICT)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await method(too_much.SerializeToString(), timeout=LONG_S)
        metrics = world.app.instruments.registry
        assert metrics.get_sample_value("ctr_queued_rows") == 0
        world.run.set()
        assert len((await first).predictions) == 2
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    trailing = cast("Trailing", caught.value.trailing_metadata())
    details = details_of(trailing)
    assert details.reason == "OVERLOADED"
    assert details.retry_after_s is not None
    assert int(dict(trailing)["grpc-retry-pushback-ms"]) >= max(1, details.retry_after_s * 1e3)


async def test_a_caller_that_leaves_frees_its_place_in_the_queue(world: World) -> None:
    """Cancelled while queued, a request is never run."""
    world.warm_up.set()
    async with world.app, world.client() as client:
        first = asyncio.create_task(client.predict_clicks(a_search(), deadline_s=LONG_S))
        await asyncio.wait_for(world.entered.wait(), PATIENCE_S)
        second = asyncio.create_task(client.predict_clicks(a_search("cup"), deadline_s=LONG_S))
        metrics = world.app.instruments.registry
        async with asyncio.timeout(PATIENCE_S):
            while metrics.get_sample_value("ctr_queued_rows") != 2:  # noqa: ASYNC110 -- a gauge wakes nobody
                await asyncio.sleep(0)
            second.cancel()
            while metrics.get_sample_value("ctr_queued_rows") != 0:  # noqa: ASYNC110 -- the same
                await asyncio.sleep(0)
        world.run.set()
        await first
        assert world.backend.runs == 1
        assert metrics.get_sample_value("ctr_dropped_rows_total", {"cause": "cancelled"}) == 2


async def test_a_stop_finishes_what_was_accepted(world: World) -> None:
    """The stop waits for a running search, whose caller gets its answer; a late one is refused."""
    world.warm_up.set()
    await world.app.start()
    async with world.client() as client:
        first = asyncio.create_task(client.predict_clicks(a_search(), deadline_s=LONG_S))
        await asyncio.wait_for(world.entered.wait(), PATIENCE_S)
        stopping = asyncio.create_task(world.app.stop())
        await asyncio.sleep(0)  # the gate closes in the stop's first step
        with pytest.raises(UnavailableError) as caught:
            await client.predict_clicks(a_search(), deadline_s=LONG_S)
        assert caught.value.reason in {"NOT_SERVING", ""}  # refused by us, or by gRPC's own stop
        assert not stopping.done()
        world.run.set()
        assert len((await first).predictions) == 2
        await stopping
    assert not await world.backend.ready()


async def test_a_health_watcher_does_not_hold_up_the_stop(world: World) -> None:
    """A balancer that watches health hears NOT_SERVING and the end, well before the grace."""
    world.warm_up.set()
    await world.app.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.app.port}") as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        async with asyncio.timeout(PATIENCE_S):
            await world.app.stop()
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_a_failed_warm_up_ends_the_start(world: World) -> None:
    """A model that fails in warm-up never serves, and everything that was begun is undone."""
    world.warm_up_error = BackendFailedError("the engine broke")
    world.warm_up.set()
    with pytest.raises(BackendFailedError, match="the engine broke"):
        await world.app.start()
    assert not await world.backend.ready()
    async with world.client() as client:
        with pytest.raises(UnavailableError):
            await client.health(deadline_s=LONG_S)


async def test_a_cancelled_start_undoes_itself(world: World) -> None:
    """A stop signal during warm-up leaves no port and no engine behind."""
    starting = await listening(world)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not await world.backend.ready()


async def test_a_failing_backend_is_unavailable_not_internal(world: World) -> None:
    """When the model's backend fails, the caller hears UNAVAILABLE with BACKEND_FAILED."""
    world.broken = True
    world.warm_up.set()
    async with world.app, world.client() as client:
        with pytest.raises(UnavailableError) as caught:
            await client.predict_clicks(a_search(), deadline_s=LONG_S)
        assert caught.value.reason == "BACKEND_FAILED"


@pytest.mark.parametrize(
    "files",
    [
        {"tokens_file": "absent.toml"},
        {"tls_certificate": "absent.pem", "tls_private_key": "absent.key"},
    ],
)
async def test_a_wrong_path_of_access_ends_the_start_before_the_engine_loads(
    files: dict[str, str], world: World
) -> None:
    """A large model takes minutes to load, and a typing error in a path must not cost them."""

    def open_engine(_: EngineOrder) -> NoReturn:
        pytest.fail("the engine was loaded first")

    flags = {"bundle": world.bundle, "port": 0, "metrics_port": 0, **files}
    app = App(
        load_settings(flags),
        log=structlog.testing.CapturingLogger(),
        outside=Outside(open_engine=open_engine),
    )
    with pytest.raises(SettingsError, match="absent"):
        await app.start()


async def test_a_redis_that_is_not_there_is_said_once_and_not_waited_for(tmp_path: Path) -> None:
    """The gateway serves without it; whoever misspelt its address reads so in the log."""
    flags: dict[str, object] = {"redis_url": f"redis://127.0.0.1:{free_port()}/0"}
    world = World(make_tiny_bundle(tmp_path / "bundle"), flags=flags)
    world.warm_up.set()
    async with world.app:
        warned = [call for call in world.log.calls if call.method_name == "warning"]
    assert [(call.args, call.kwargs["failure"]) for call in warned] == [
        (("redis_does_not_answer",), "connect")
    ]
