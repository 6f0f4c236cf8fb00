"""The real Triton with one fault at a time, under a gateway process with callers.

In each: no wrong score and no answer after the deadline (`Callers.ask` checks every one), no
neighbour harmed, recovery by itself, and the reason in the status and in the metrics.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from ctr_bench.cable import Fault, cable_to
from ctr_service.backend.triton_faults import FaultKind, fault_of
from tests.support.gateway import Gateway
from tests.support.remote_world import eventually
from tests.support.triton_gateway import callers_of
from tests.support.triton_repository import (
    MODEL,
    changed_repository,
    few_rows,
    make_triton_bundle,
    narrow,
    one_instance,
    other_parameter,
    repository_of,
    wide_ids,
)
from tests.support.triton_server import TritonServer, require_triton, running_triton

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tritonclient.grpc import model_config_pb2

pytestmark = pytest.mark.triton

TIGHT_S = 0.5
QUICK_S = 0.3
"""A refusal while nothing answers: far below the deadline that the caller gave."""


@pytest.fixture(scope="module", autouse=True)
def _needs_triton() -> None:
    require_triton()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle with its model repositories."""
    return make_triton_bundle(tmp_path_factory.mktemp("faults") / "bundle")


@pytest.fixture
def server(bundle: Path) -> Iterator[TritonServer]:
    """A Triton that serves it."""
    with running_triton(repository_of(bundle)) as running:
        yield running


async def test_killed_and_restarted(bundle: Path, server: TritonServer) -> None:
    """Batches on it are lost, calls fail at once and say why; all are scored when it is back."""
    async with callers_of(bundle, server.target) as callers:
        server.signal_models(signal.SIGSTOP)
        running = asyncio.create_task(callers.ask_all())
        await callers.hears("ctr_running_batches")
        server.kill()
        lost = [ask.message for ask in await running]
        assert any("the connection to Triton failed" in message for message in lost)
        refused = await callers.ask_all()
        assert {ask.reason for ask in refused} == {"BACKEND_FAILED"}
        assert all("1 not reachable or without the model" in ask.message for ask in refused)
        assert min(ask.seconds for ask in refused) < QUICK_S
        assert callers.reasons() == {"BACKEND_FAILED"}
        await callers.hears(r'ctr_triton_batches_total{outcome="unreachable".*}')
        await callers.hears(r'ctr_triton_servers{state="not_ready"}')
        await asyncio.to_thread(server.start)
        await callers.recovers()
        await callers.hears(r'ctr_triton_servers{state="ready"}')


async def test_sigstop_for_2_seconds(bundle: Path, server: TritonServer) -> None:
    """Calls end at their deadlines or before, and are scored again when it goes on."""
    async with callers_of(bundle, server.target) as callers:
        loop = asyncio.get_running_loop()
        server.stop_in_its_tracks()
        ends_s = loop.time() + 2.0
        while loop.time() < ends_s:
            assert all(ask.reason for ask in await callers.ask_all(TIGHT_S))
        server.go_on()
        await callers.recovers()
        assert callers.reasons() <= {"DEADLINE_EXCEEDED", "BACKEND_FAILED"}
        assert "DEADLINE_EXCEEDED" in callers.reasons()
        failed = [ask.message for ask in callers.asks if ask.reason == "BACKEND_FAILED"]
        assert all("no Triton server is ready (1 " in message for message in failed)
        await callers.hears(r'ctr_triton_batches_total{outcome="late".*}')


async def test_model_unloaded(bundle: Path, server: TritonServer) -> None:
    """Calls fail at once with the reason, and are scored again when the model is loaded again."""
    async with callers_of(bundle, server.target) as callers:
        await asyncio.to_thread(server.unload, MODEL)
        await callers.hears(r'ctr_triton_servers{state="not_ready"}')
        refused = await callers.ask_all()
        assert {ask.reason for ask in refused} == {"BACKEND_FAILED"}
        assert all("1 not reachable or without the model" in ask.message for ask in refused)
        assert min(ask.seconds for ask in refused) < QUICK_S
        await asyncio.to_thread(server.load, MODEL)
        await callers.recovers()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            other_parameter("ctr_model_version"),
            "ctr_model_version: Triton has other",
            id="wrong version",
        ),
        pytest.param(wide_ids, "input_ids data_type: Triton has INT64", id="wrong dtype"),
    ],
)
async def test_a_server_that_comes_back_wrong(
    bundle: Path,
    server: TritonServer,
    tmp_path: Path,
    change: Callable[[model_config_pb2.ModelConfig], None],
    says: str,
) -> None:
    """It scores nothing while it has a wrong version or dtype; its reason names the field."""
    wrong = changed_repository(tmp_path / "wrong", bundle, change)
    right = server.repository
    async with callers_of(bundle, server.target) as callers:
        server.kill()
        server.repository = wrong
        await asyncio.to_thread(server.start)
        await callers.hears(r'ctr_triton_servers{state="mismatch"}')
        refused = await callers.ask_all()
        assert {ask.reason for ask in refused} == {"BACKEND_FAILED"}
        assert all("1 serving another model" in ask.message for ask in refused)
        reasons = [event["reason"] for event in callers.gateway.events("triton_server", 3)]
        assert any(says in reason for reason in reasons)
        server.kill()
        server.repository = right
        await asyncio.to_thread(server.start)
        await callers.recovers()


async def test_slow(bundle: Path, server: TritonServer) -> None:
    """Over a slow cable tight calls are late, patient neighbours are scored; then all are again."""
    async with (
        cable_to(server.port, delay_s=0.4) as cable,
        callers_of(bundle, f"127.0.0.1:{cable.port}") as callers,
    ):
        cable.fault = Fault.SLOW
        tight, patient = await asyncio.gather(callers.ask(0, 0.2), callers.ask(1))
        assert (tight.reason, patient.reason) == ("DEADLINE_EXCEEDED", "")
        await callers.hears(r'ctr_triton_batches_total{outcome="late".*}')
        await cable.heal()
        await callers.recovers()


async def test_queue_full(bundle: Path, tmp_path: Path) -> None:
    """What Triton has no room for is refused as overload at once; then there is room again."""
    repository = changed_repository(tmp_path / "narrow", bundle, narrow)
    with running_triton(repository) as server:
        async with callers_of(bundle, server.target) as callers:
            async with occupied(server):
                refused = await callers.ask(0, TIGHT_S)
            assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
            assert "the model server's queue is full" in refused.message
            assert refused.seconds < TIGHT_S
            await callers.hears(r'ctr_triton_batches_total{outcome="queue_full".*}')
            await callers.recovers()


async def test_a_batch_that_waited_too_long_in_tritons_queue_never_runs(
    bundle: Path, tmp_path: Path
) -> None:
    """The request's own timeout counts, under the queue policy that the exporter writes."""
    repository = changed_repository(tmp_path / "alone", bundle, one_instance)
    with running_triton(repository) as server, stopped_models(server):
        async with grpc.aio.insecure_channel(server.target) as channel:
            ask = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer
            patient = [asyncio.ensure_future(ask(a_request(), timeout=20)) for _ in range(4)]
            with pytest.raises(grpc.aio.AioRpcError, match="DEADLINE_EXCEEDED"):
                await ask(a_request(), timeout=0.2)  # the patient ones are there before the hasty
            hasty = asyncio.ensure_future(ask(a_request(timeout_us=100_000), timeout=20))
            with pytest.raises(grpc.aio.AioRpcError, match="DEADLINE_EXCEEDED"):
                await ask(a_request(), timeout=0.3)  # so long all of them have waited
            server.signal_models(signal.SIGCONT)
            await asyncio.gather(*patient)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await hasty
            assert fault_of(caught.value).kind is FaultKind.EXPIRED


async def test_one_of_two_endpoints_dead(bundle: Path, server: TritonServer) -> None:
    """Killed with batches on it: each is run once more by the other, and no call fails.

    Back again, it gets its part again.
    """
    with running_triton(repository_of(bundle)) as other:
        async with callers_of(bundle, f"{server.target},{other.target}") as callers:
            for one in (server, other):
                one.signal_models(signal.SIGSTOP)
            running = asyncio.create_task(callers.ask_all())
            # The next batch goes to the server with the least: of two, each has one.
            await callers.hears("ctr_running_batches", least=2)
            server.kill()
            other.signal_models(signal.SIGCONT)
            await running
            for _ in range(4):
                await callers.ask_all()
            assert callers.reasons() == set()
            lost = f'outcome="unreachable",target="{server.target}"'
            await callers.hears(f"ctr_triton_batches_total{{{lost}}}")
            await callers.hears(f'ctr_triton_retries_total{{target="{server.target}"}}')
            await callers.hears(r'ctr_triton_servers{state="not_ready"}')
            await asyncio.to_thread(server.start)
            await callers.hears(r'ctr_triton_servers{state="ready"}', least=2)
            other.kill()
            await callers.ask_all()
            await callers.recovers()
            assert callers.reasons() == set()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (wide_ids, "input input_ids data_type: Triton has INT64"),
        (few_rows, "max_batch_size: Triton has 4"),
        *(
            (other_parameter(name), f"parameter {name}: Triton has other")
            for name in ("ctr_target", "ctr_model_version", "ctr_graph_sha256", "ctr_precision")
        ),
    ],
)
def test_a_gateway_does_not_start_on_another_model(
    bundle: Path,
    tmp_path: Path,
    change: Callable[[model_config_pb2.ModelConfig], None],
    says: str,
) -> None:
    """It ends with exit code 1 and a sentence that names the field and says what to do."""
    wrong = changed_repository(tmp_path / "wrong", bundle, change)
    with running_triton(wrong) as server:
        gateway = Gateway(bundle, "--triton", server.target)
        try:
            assert gateway.wait() == 1
            assert says in gateway.everything_said
        finally:
            gateway.close()


async def test_health_follows_a_triton_that_is_gone(bundle: Path, server: TritonServer) -> None:
    """NOT_SERVING once it was gone for the time set, SERVING when it is back."""
    async with callers_of(bundle, server.target, "--triton-gone-s", "0.5") as callers:

        async def health_is(status: str) -> bool:
            return await callers.client.health() == status

        server.kill()
        await eventually(lambda: health_is("NOT_SERVING"))
        assert (await callers.ask()).reason == "BACKEND_FAILED"
        await asyncio.to_thread(server.start)
        await eventually(lambda: health_is("SERVING"))
        await callers.recovers()


def a_request(timeout_us: int = 0) -> service_pb2.ModelInferRequest:
    """One row; with Triton's own timeout where it is not 0."""
    request = service_pb2.ModelInferRequest(model_name=MODEL)
    for name, tokens in (("input_ids", 32), ("lengths", 1), ("first_lengths", 1)):
        request.inputs.add(name=name, datatype="INT32", shape=[1, tokens])
        request.raw_input_contents.append(b"\1\0\0\0" * tokens)
    if timeout_us:
        request.parameters["timeout"].int64_param = timeout_us
    return request


@contextlib.contextmanager
def stopped_models(server: TritonServer) -> Iterator[None]:
    """Let the instances stand still; Triton itself goes on."""
    server.signal_models(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal_models(signal.SIGCONT)


@contextlib.asynccontextmanager
async def occupied(server: TritonServer) -> AsyncIterator[None]:
    """Fill the one instance, which stands still, and the one place in its queue."""
    with stopped_models(server):
        async with grpc.aio.insecure_channel(server.target) as channel:
            ask = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer
            calls = [asyncio.ensure_future(ask(a_request(), timeout=10)) for _ in range(8)]
            # Who finds no room is told at once; the others wait for the instance.
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            try:
                yield
            finally:
                server.signal_models(signal.SIGCONT)
                await asyncio.gather(*calls, return_exceptions=True)
