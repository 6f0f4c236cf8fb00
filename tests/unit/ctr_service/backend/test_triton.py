"""Claims of `ctr_service.backend.triton` beyond the contract, against servers that obey."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest

from ctr_service.backend import triton_endpoint
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.backend.scripted import scripted_logits
from ctr_service.backend.triton_ask import ask_triton
from ctr_service.backend.triton_channel import Tls
from ctr_service.backend.triton_observer import EndpointState
from ctr_service.backend.triton_options import EndpointOptions
from ctr_service.backend.triton_targets import parse_targets
from ctr_service.backend.triton_targets import resolve as system_resolve
from ctr_service.clock import ManualClock, SystemClock
from ctr_service.errors import (
    BackendBusyError,
    BackendFailedError,
    DeadlineExceededError,
    SettingsError,
)
from ctr_service.limits import NS_PER_S
from ctr_service.traces import BATCH_TRACE, BatchTrace, CallTrace
from tests.support.certificates import Authority
from tests.support.fake_triton import FakeTriton, fake_triton, make_config
from tests.support.redis_server import free_port
from tests.support.rows import make_row, padded
from tests.support.triton_world import PARAMETERS, Heard, connected, make_backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tritonclient.grpc import service_pb2

    from ctr_service.backend.base import Outputs
    from ctr_service.backend.triton import TritonBackend
    from ctr_service.backend.triton_targets import Resolve, Target
    from tests.support.fake_triton import Context

PATIENCE_S = 20.0
ROWS = padded([make_row(np.random.default_rng(n), 8) for n in range(3)], 8)
EXPECTED = scripted_logits(
    *(np.asarray(ROWS[name], dtype=np.int32) for name in (INPUT_IDS, LENGTHS, FIRST_LENGTHS))
)


async def run(backend: TritonBackend, seconds: float = 5.0) -> Outputs:
    """Run the batch with so much time."""
    deadline_ns = SystemClock().now_ns() + round(seconds * NS_PER_S)
    outputs = await backend.run("joint", ROWS, deadline_ns)
    np.testing.assert_array_equal(outputs.tensors[LOGITS], EXPECTED)
    return outputs


async def until(claim: Callable[[], bool]) -> None:
    """Wait for something that no event tells."""
    async with asyncio.timeout(PATIENCE_S):
        while not claim():  # noqa: ASYNC110 -- see above
            await asyncio.sleep(0)


async def hurry(_: float) -> None:
    """A sleep that lets others run, and no longer."""
    await asyncio.sleep(0)


class Gate:
    """A behaviour: inferences wait for the test."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, _: service_pb2.ModelInferRequest, __: Context) -> None:
        """Wait."""
        self.entered.set()
        await self.go_on.wait()


def aborting(code: grpc.StatusCode, details: str) -> object:
    """A behaviour: inferences fail."""

    async def abort(_: service_pb2.ModelInferRequest, context: Context) -> None:
        await context.abort(code, details)

    return abort


QUEUE_FULL = aborting(grpc.StatusCode.UNAVAILABLE, "Exceeds maximum queue size")
BROKEN = aborting(grpc.StatusCode.INTERNAL, "it broke")


@pytest.fixture
async def server() -> AsyncIterator[FakeTriton]:
    """One server."""
    async with fake_triton() as running:
        yield running


@pytest.fixture
async def pair() -> AsyncIterator[tuple[FakeTriton, FakeTriton]]:
    """Two servers."""
    async with fake_triton() as first, fake_triton() as second:
        yield first, second


def both(pair: tuple[FakeTriton, FakeTriton]) -> str:
    """Two targets."""
    return ",".join(server.target for server in pair)


async def test_the_deadline_travels_twice(server: FakeTriton) -> None:
    """As gRPC's deadline, and as Triton's timeout in microseconds; the checked version is asked."""
    async with connected(make_backend(server.target, Heard())) as backend:
        await run(backend, 2.0)
    (request,), (deadline_s,) = server.requests, server.deadlines_s
    assert 1.0 < deadline_s <= 2.1  # gRPC rounds it up
    assert 1_000_000 < request.parameters["timeout"].int64_param <= 2_000_000
    assert (request.model_name, request.model_version) == ("ctr_joint", "1")


@pytest.mark.parametrize("connections", [1, 3])
async def test_batches_go_over_as_many_connections_as_are_set(
    server: FakeTriton, connections: int
) -> None:
    """In turn: one HTTP/2 connection would be one core's work at both ends."""
    options = EndpointOptions(connections=connections)
    async with connected(make_backend(server.target, Heard(), options=options)) as backend:
        for _ in range(6):
            await run(backend)
    assert len(set(server.callers)) == connections
    assert server.callers[:3] == server.callers[3:]


async def test_a_batch_takes_its_trace_along(server: FakeTriton) -> None:
    """Triton gets the W3C header of the batch's span; a batch that nobody traces brings none."""
    heard: list[object] = []

    async def listen(_: service_pb2.ModelInferRequest, context: Context) -> None:
        metadata = dict(context.invocation_metadata() or ())
        heard.append(metadata.get("traceparent"))

    server.behave = listen
    batch = BatchTrace(
        [CallTrace(1, 2, sampled=True)], began_ns=0, rows=len(EXPECTED), bucket_tokens=8
    )
    async with connected(make_backend(server.target, Heard())) as backend:
        await run(backend)
        BATCH_TRACE.set(batch)
        await run(backend)
    assert heard == [None, batch.traceparent]


async def test_no_answer_by_the_deadline_is_late(server: FakeTriton) -> None:
    """The run ends at its deadline, and a single late batch leaves the server in use."""
    heard = Heard()
    gate = server.behave = Gate()
    async with connected(make_backend(server.target, heard)) as backend:
        with pytest.raises(DeadlineExceededError):
            await run(backend, 0.05)
        gate.go_on.set()
        await run(backend)
    assert heard.outcomes == {"late": 1, "ok": 1}


async def test_cancelling_a_run_cancels_the_call(server: FakeTriton) -> None:
    """Triton hears of it long before the deadline, and the slot is free again."""
    gate = server.behave = Gate()
    heard = Heard()
    async with connected(make_backend(server.target, heard)) as backend:
        task = asyncio.create_task(run(backend, 10 * PATIENCE_S))
        await gate.entered.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await until(lambda: server.cancelled == 1)
        gate.go_on.set()
        await run(backend)
    assert heard.outcomes == {"cancelled": 1, "ok": 1}


async def test_a_full_queue_is_refused_upward(server: FakeTriton) -> None:
    """It is overload, with a time to come back, and nothing is sent again to the same queue."""
    heard = Heard()
    server.behave = QUEUE_FULL  # type: ignore[assignment]  # -- a behaviour
    async with connected(make_backend(server.target, heard)) as backend:
        with pytest.raises(BackendBusyError) as caught:
            await run(backend)
        assert caught.value.retry_after_ns > 0
        assert await backend.ready()
    assert heard.outcomes == {"queue_full": 1}


async def test_a_full_queue_of_one_server_goes_to_the_other(
    pair: tuple[FakeTriton, FakeTriton],
) -> None:
    """Each batch is answered, though one of two has no room."""
    heard = Heard()
    pair[0].behave = QUEUE_FULL  # type: ignore[assignment]  # -- a behaviour
    async with connected(make_backend(both(pair), heard)) as backend:
        for _ in range(6):
            await run(backend)
    assert heard.outcomes["ok"] == 6
    assert heard.retries == heard.outcomes["queue_full"] > 0


async def test_one_of_two_dies_mid_batch(pair: tuple[FakeTriton, FakeTriton]) -> None:
    """The batch is sent to the other once, and answered once, within its deadline."""
    heard = Heard()
    gates = [Gate(), Gate()]
    for server, gate in zip(pair, gates, strict=True):
        server.behave = gate
    async with connected(make_backend(both(pair), heard)) as backend:
        task = asyncio.create_task(run(backend))
        waits = [asyncio.create_task(gate.entered.wait()) for gate in gates]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        dying = 0 if gates[0].entered.is_set() else 1
        for gate in gates:
            gate.go_on.set() if gate is not gates[dying] else None
        await pair[dying].kill()
        await task
        for wait in waits:
            wait.cancel()
        assert heard.retries == 1
        assert heard.outcomes == {"unreachable": 1, "ok": 1}
        for _ in range(3):
            await run(backend)
        assert not heard.outcomes.keys() - {"unreachable", "ok"}


async def test_a_batch_is_sent_again_with_the_time_that_is_left(
    pair: tuple[FakeTriton, FakeTriton],
) -> None:
    """Of five seconds the first server lost three: the second hears of two, by both deadlines."""
    clock = ManualClock()
    first: list[FakeTriton] = []

    async def lose_the_first(_: service_pb2.ModelInferRequest, context: Context) -> None:
        if not first:
            first.append(pair[0] if pair[0].requests else pair[1])
            clock.advance_ns(3 * NS_PER_S)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Stream removed")

    for server in pair:
        server.behave = lose_the_first
    async with connected(make_backend(both(pair), Heard(), clock=clock)) as backend:
        await backend.run("joint", ROWS, clock.now_ns() + 5 * NS_PER_S)
    (second,) = (server for server in pair if server is not first[0])
    assert second.requests[0].parameters["timeout"].int64_param == 2_000_000
    assert second.deadlines_s[0] <= 2.1  # gRPC rounds it up


async def test_a_batch_that_both_lose_is_tried_twice_and_not_more(
    pair: tuple[FakeTriton, FakeTriton],
) -> None:
    """The third server, had there been one, would not have been asked."""
    heard = Heard()
    for server in pair:
        server.version_of_answers = "2"
    async with connected(make_backend(both(pair), heard)) as backend:
        with pytest.raises(BackendFailedError):
            await run(backend)
    assert heard.outcomes == {"garbled": 2}
    assert sum(len(server.requests) for server in pair) == 2


async def test_what_the_model_fails_is_not_sent_elsewhere(
    pair: tuple[FakeTriton, FakeTriton],
) -> None:
    """A batch that breaks the model would break the other server's too."""
    heard = Heard()
    for server in pair:
        server.behave = BROKEN  # type: ignore[assignment]  # -- a behaviour
    async with connected(make_backend(both(pair), heard)) as backend:
        with pytest.raises(BackendFailedError):
            await run(backend)
    assert heard.outcomes == {"failed": 1}


async def test_a_server_that_comes_back_with_another_model_gets_no_batch() -> None:
    """After a restart it is asked what it serves before anything is sent to it."""
    heard = Heard()
    async with fake_triton() as server, connected(make_backend(server.target, heard)) as backend:
        await run(backend)
        await server.kill()
        server.config = make_config({**PARAMETERS, "ctr_model_version": "t2"})
        await server.start()
        before = len(server.requests)
        await until(lambda: heard.states.get(EndpointState.MISMATCH) == 1)
        with pytest.raises(BackendFailedError):
            await run(backend)
        assert len(server.requests) == before
        assert any("ctr_model_version" in reason for _, _, reason in heard.changes)
        server.config = make_config()
        await until(lambda: heard.states.get(EndpointState.READY) == 1)
        await run(backend)


async def test_an_answer_of_a_server_that_changed_meanwhile_does_not_count(
    server: FakeTriton,
) -> None:
    """The model was loaded anew while the batch ran: nobody knows which of the two scored it."""
    heard = Heard()
    gate = server.behave = Gate()
    async with connected(make_backend(server.target, heard)) as backend:
        task = asyncio.create_task(run(backend))
        await gate.entered.wait()
        server.config = make_config({**PARAMETERS, "ctr_graph_sha256": "1" * 64})
        await until(lambda: heard.states.get(EndpointState.MISMATCH) == 1)
        gate.go_on.set()
        with pytest.raises(BackendFailedError):
            await task
    assert heard.outcomes == {"moved": 1}


async def test_a_server_that_fails_calls_is_left_alone_and_tried_with_a_small_batch(
    server: FakeTriton,
) -> None:
    """After some failures runs fail at once; one row tells when it works again."""
    heard = Heard()
    server.behave = BROKEN  # type: ignore[assignment]  # -- a behaviour
    async with connected(make_backend(server.target, heard)) as backend:
        for _ in range(10):
            with pytest.raises(BackendFailedError):
                await run(backend)
        assert not await backend.ready()
        assert heard.states[EndpointState.RESTING] == 1
        assert 0 < heard.outcomes["failed"] < 10, "the last ones were not even sent"
        server.behave = None
        await until(lambda: heard.states[EndpointState.READY] == 1)
        assert await backend.ready()
        await run(backend)
    probes = [r for r in server.requests if list(r.inputs[0].shape) == [1, 8]]
    assert probes


@pytest.mark.parametrize(("seconds", "state"), [(0.02, "READY"), (0.3, "RESTING")])
async def test_lateness_speaks_against_a_server_that_had_time(
    server: FakeTriton, seconds: float, state: str
) -> None:
    """Batches with hardly any time left say nothing of the server that is late with them."""
    heard = Heard()
    server.behave = Gate()
    async with connected(make_backend(server.target, heard)) as backend:
        late = [run(backend, seconds) for _ in range(12)]
        for outcome in await asyncio.gather(*late, return_exceptions=True):
            assert isinstance(outcome, DeadlineExceededError)
        assert heard.states[EndpointState[state]] == 1
        server.behave.go_on.set()


async def test_pods_come_and_go(pair: tuple[FakeTriton, FakeTriton]) -> None:
    """New addresses of a name are used once verified; those that vanished get nothing more."""
    addresses: tuple[str, ...] = (pair[0].target,)

    async def resolve(_: Target) -> tuple[str, ...]:
        return addresses

    heard = Heard()
    backend = make_backend("triton.ml:8001", heard, resolver=resolve, sleep=hurry)
    async with connected(backend):
        await run(backend)
        assert backend.slots == 2
        addresses = (pair[0].target, pair[1].target)
        await until(lambda: backend.slots == 4)
        addresses = (pair[1].target,)
        await until(lambda: backend.slots == 2)
        before = len(pair[0].requests)
        for _ in range(4):
            await run(backend)
        assert len(pair[0].requests) == before


async def test_a_resolver_that_fails_takes_nothing_away(server: FakeTriton) -> None:
    """Known servers are used on while the name cannot be resolved."""
    fails = False
    asked = 0

    async def resolve(_: Target) -> tuple[str, ...]:
        nonlocal asked
        asked += 1
        if fails:
            raise OSError("no resolver")
        return (server.target,)

    backend = make_backend("triton.ml:8001", Heard(), resolver=resolve, sleep=hurry)
    async with connected(backend):
        fails = True
        asked = 0
        await until(lambda: asked >= 2)
        await run(backend)


async def test_the_next_batch_goes_to_the_server_with_the_least(
    pair: tuple[FakeTriton, FakeTriton],
) -> None:
    """Four at once on two servers of two instances: two each."""
    gates = [Gate(), Gate()]
    for server, gate in zip(pair, gates, strict=True):
        server.behave = gate
    async with connected(make_backend(both(pair), Heard())) as backend:
        tasks = [asyncio.create_task(run(backend)) for _ in range(backend.slots)]
        await until(lambda: sum(len(server.requests) for server in pair) == 4)
        assert [len(server.requests) for server in pair] == [2, 2]
        for gate in gates:
            gate.go_on.set()
        await asyncio.gather(*tasks)


async def test_a_server_that_is_slow_with_one_gets_no_other_batch_meanwhile(
    pair: tuple[FakeTriton, FakeTriton],
) -> None:
    """While one of two holds a batch, three more go to the other, and not in turn."""
    gate = Gate()

    async def hold_the_first(request: service_pb2.ModelInferRequest, context: Context) -> None:
        if not gate.entered.is_set():
            await gate(request, context)

    for server in pair:
        server.behave = hold_the_first
    async with connected(make_backend(both(pair), Heard())) as backend:
        held = asyncio.create_task(run(backend))
        await gate.entered.wait()
        for _ in range(3):
            await run(backend)
        assert sorted(len(server.requests) for server in pair) == [1, 3]
        gate.go_on.set()
        await held


async def test_waiting_in_tritons_queue_is_no_compute(server: FakeTriton) -> None:
    """Three batches on one instance take, in sum, no more than the time that passed."""
    server.config = make_config(instances=1)
    instance, goes_on = asyncio.Lock(), asyncio.Semaphore(0)

    async def one_by_one(_: service_pb2.ModelInferRequest, __: Context) -> None:
        async with instance:
            await goes_on.acquire()

    server.behave = one_by_one
    clock = SystemClock()
    async with connected(make_backend(server.target, Heard())) as backend:
        began_ns = clock.now_ns()
        waiting = {asyncio.create_task(run(backend)) for _ in range(3)}
        outputs: list[Outputs] = []
        while waiting:
            goes_on.release()
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            outputs += [task.result() for task in done]
        passed_ns = clock.now_ns() - began_ns
    assert sum(output.compute_ns for output in outputs) <= passed_ns


async def test_a_start_on_another_model_is_refused_by_field(server: FakeTriton) -> None:
    """The sentence names the field, both sides, and what to do."""
    server.config = make_config({**PARAMETERS, "ctr_precision": "int8"})
    backend = make_backend(server.target, Heard())
    with pytest.raises(SettingsError, match=r"parameter ctr_precision: Triton has int8.*fp32.*ctr"):
        await backend.start(PATIENCE_S)
    await backend.close()


async def test_a_start_without_any_server_is_a_sentence() -> None:
    """It says which server was asked and what to do."""
    backend = make_backend(f"127.0.0.1:{free_port()}", Heard())
    with pytest.raises(
        SettingsError, match=r"no Triton server came up .*127\.0\.0\.1.*--triton-wait-s"
    ):
        await backend.start(0.5)
    await backend.close()


async def test_one_fitting_server_is_enough_to_start(pair: tuple[FakeTriton, FakeTriton]) -> None:
    """While a fleet is rolled over, the others are left alone."""
    pair[1].config = make_config({**PARAMETERS, "ctr_model_version": "t2"})
    heard = Heard()
    async with connected(make_backend(both(pair), heard)) as backend:
        for _ in range(4):
            await run(backend)
    assert not pair[1].requests
    assert heard.states[EndpointState.MISMATCH] == 1


async def test_slots_follow_the_setting_or_the_instances(server: FakeTriton) -> None:
    """Instances of the model by default; what the operator says otherwise."""
    server.config = make_config(instances=3)
    async with connected(make_backend(server.target, Heard())) as backend:
        assert backend.slots == 3
    options = EndpointOptions(slots=5)
    async with connected(make_backend(server.target, Heard(), options=options)) as backend:
        assert backend.slots == 5


async def test_warm_up_measures_every_shape_over_the_wire(server: FakeTriton) -> None:
    """One row and a full batch of each bucket, in all slots at once."""
    async with connected(make_backend(server.target, Heard())) as backend:
        costs = await backend.warm_up("joint", (8, 16), 32)
        assert backend.costs == costs
    assert [(cost.bucket_tokens, cost.rows) for cost in costs] == [(8, 1), (8, 4), (16, 1), (16, 2)]
    assert all(cost.seconds > 0 for cost in costs)


async def test_over_tls_the_certificate_must_be_for_the_configured_name(tmp_path: Path) -> None:
    """It is for the name, though the address behind it is connected to; another name is refused."""
    authority = Authority(tmp_path)
    pem = authority.issue("server", "triton.ml")
    credentials = grpc.ssl_server_credentials(
        [(pem.private_key.read_bytes(), pem.certificate.read_bytes())]
    )
    server = FakeTriton()
    await server.start(credentials)

    async def resolve(_: Target) -> tuple[str, ...]:
        return (server.target,)

    options = EndpointOptions(tls=Tls(roots=authority.ca.read_bytes()))
    right = make_backend("triton.ml:8001", Heard(), options=options, resolver=resolve)
    async with connected(right):
        await run(right)
    wrong = make_backend("other.ml:8001", Heard(), options=options, resolver=resolve)
    with pytest.raises(SettingsError, match="no Triton server came up"):
        await wrong.start(1.0)
    await wrong.close()
    await server.kill()


async def ask(targets: str, resolver: Resolve = system_resolve) -> str:
    """Return which target servers tell of, for a bundle of version t1."""
    told = await ask_triton(
        parse_targets(targets),
        "ctr_joint",
        model_version="t1",
        tls=None,
        patience_s=1.0,
        sleep=asyncio.sleep,
        resolve=resolver,
    )
    return told["ctr_target"]


async def test_before_the_start_a_server_of_the_bundles_version_is_believed(
    pair: tuple[FakeTriton, FakeTriton],
) -> None:
    """While a fleet is rolled over, servers tell of different targets."""
    parameters = {**PARAMETERS, "ctr_target": "cpu"}
    old = {**parameters, "ctr_model_version": "t0", "ctr_target": "tensorrt"}
    pair[0].config, pair[1].config = make_config(old), make_config(parameters)
    assert await ask(both(pair)) == "cpu"
    assert await ask(pair[0].target) == "tensorrt"


async def test_before_the_start_a_server_is_waited_for_but_not_for_ever(
    server: FakeTriton,
) -> None:
    """The sentence names every server and its reason, and the flag that gives more time."""
    server.config = None

    async def no_name(_: Target) -> tuple[str, ...]:
        raise OSError("no such name")

    with pytest.raises(SettingsError, match=r"no available versions.*--triton-wait-s"):
        await ask(server.target)
    with pytest.raises(SettingsError, match="cannot be resolved"):
        await ask("triton.ml:8001", no_name)


async def test_a_server_that_vanished_loses_its_batches_to_another(
    pair: tuple[FakeTriton, FakeTriton], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections that stand but are dead are given up; the batch on one is sent elsewhere."""
    monkeypatch.setattr(triton_endpoint, "ASK_S", 0.05)
    monkeypatch.setattr(triton_endpoint, "SEEK_S", 0.01)
    monkeypatch.setattr(triton_endpoint, "WATCH_S", 0.01)
    heard, gates = Heard(), [Gate(), Gate()]
    for server, gate in zip(pair, gates, strict=True):
        server.behave = gate
    async with connected(make_backend(both(pair), heard)) as backend:
        task = asyncio.create_task(run(backend, 10.0))
        await until(lambda: any(gate.entered.is_set() for gate in gates))
        dead = 0 if gates[0].entered.is_set() else 1
        vanished = pair[dead].vanished = asyncio.Event()
        gates[1 - dead].go_on.set()
        await task
        assert heard.outcomes == {"unreachable": 1, "ok": 1}
        vanished.set()
        pair[dead].vanished = None
        gates[dead].go_on.set()
        await until(lambda: heard.states[EndpointState.READY] == 2)
