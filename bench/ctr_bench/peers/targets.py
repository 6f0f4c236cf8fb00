"""What is measured: each server's protocol, how it is started, and why with these settings.

A peer's settings are those that were fastest at the SLO of the ones that its framework offers, as
far as they were tried (docs/decisions/0023-what-fair-means.md).
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ctr_bench.answers import probabilities_of as ctr_v1_probabilities
from ctr_bench.gateway_process import NO_CACHES, GatewaySetup, running_gateway
from ctr_bench.http_json import probabilities_of_json, serialise_json
from ctr_bench.job import CTR_V1, HTTP_JSON, OPEN_INFERENCE
from ctr_bench.naive_process import running_naive
from ctr_bench.open_inference import probabilities_of_infer, serialise_infer
from ctr_bench.peers.environments import ROOT, python_of, triton_launcher
from ctr_bench.peers.mlserver_settings import write_settings
from ctr_bench.peers.process import Command, free_port, running_peer
from ctr_bench.peers.triton_repository import write_repository
from ctr_bench.searches import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from ctr_bench.job import Protocol as Wire
    from peers.scorer import Setup

MODEL = "ctr"
HALF_A_LIST = 8


class Server(Protocol):
    """A running target."""

    @property
    def target(self) -> str:
        """Where it serves; see `Job`."""
        ...

    def rss_bytes(self) -> int:
        """Memory that it and its children hold."""
        ...


Running: TypeAlias = "Callable[[Setup, bytes], AbstractContextManager[Server]]"
"""Starts a server on a setup; the bytes are a first request, which it must have answered."""


@dataclass(frozen=True, slots=True)
class Target:
    """One server to measure.

    Attributes:
        environment: name of its requirements; None runs in ours.
        protocol: what it speaks.
        settings: how it is set up and why, for the table's reader.
        serialise: a search as its request's bytes.
        probabilities_of: its answer's bytes -> click probabilities.
        running: starts it.
    """

    name: str
    environment: str | None
    protocol: Wire
    settings: str
    serialise: Callable[[Search], bytes]
    probabilities_of: Callable[[bytes], list[float]]
    running: Running


def _open_inference(search: Search) -> bytes:
    return serialise_infer(search, model=MODEL)


@contextlib.contextmanager
def _gateway(setup: Setup, _: bytes) -> Iterator[Server]:
    engine, precision = setup.graph.split("/")[1:]
    flags = (*NO_CACHES, "--engine", engine, "--precision", precision)
    with running_gateway(GatewaySetup(setup.bundle, flags)) as child:
        yield child


@contextlib.contextmanager
def _naive(setup: Setup, _: bytes) -> Iterator[Server]:
    with running_naive(setup.bundle, setup.graph) as child:
        yield child


@contextlib.contextmanager
def _sync_grpc(setup: Setup, first: bytes) -> Iterator[Server]:
    port = free_port()
    arguments = (str(python_of("sync-grpc")), "-m", "peers.sync_grpc", str(port))
    target = f"127.0.0.1:{port}"
    # So that a list alone has both sessions.
    halves = replace(setup, chunk_rows=min(setup.chunk_rows, HALF_A_LIST))
    command = Command("sync-grpc", arguments, target, CTR_V1, _variables(halves, "bench", "proto"))
    with running_peer(command, first) as peer:
        yield peer


@contextlib.contextmanager
def _mosec(setup: Setup, first: bytes) -> Iterator[Server]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        arguments = (
            *(str(python_of("mosec")), "-m", "peers.mosec_server", "--address", "127.0.0.1"),
            *("--port", str(port), "--path", f"{folder}/sockets", "--log-level", "warning"),
        )
        target = f"http://127.0.0.1:{port}/inference"
        command = Command("mosec", arguments, target, HTTP_JSON, _variables(setup))
        with running_peer(command, first) as peer:
            yield peer


@contextlib.contextmanager
def _litserve(setup: Setup, first: bytes) -> Iterator[Server]:
    port = free_port()
    arguments = (str(python_of("litserve")), "-m", "peers.litserve_server", str(port))
    target = f"http://127.0.0.1:{port}/inference"
    command = Command("litserve", arguments, target, HTTP_JSON, _variables(setup))
    with running_peer(command, first) as peer:
        yield peer


@contextlib.contextmanager
def _mlserver(setup: Setup, first: bytes) -> Iterator[Server]:
    python, port = python_of("mlserver"), free_port()
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as name:
        folder = write_settings(Path(name), MODEL, grpc_port=port, http_port=free_port())
        arguments = (str(python.with_name("mlserver")), "start", str(folder))
        target = f"127.0.0.1:{port}"
        command = Command("mlserver", arguments, target, OPEN_INFERENCE, _variables(setup), folder)
        with running_peer(command, first) as peer:
            yield peer


@contextlib.contextmanager
def _triton(setup: Setup, first: bytes) -> Iterator[Server]:
    launcher, port = triton_launcher(), free_port()
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as name:
        repository = write_repository(Path(name), MODEL)
        arguments = (
            *(str(launcher), f"--model-repository={repository}", "--grpc-address=127.0.0.1"),
            *(f"--grpc-port={port}", "--allow-http=false", "--allow-metrics=false"),
        )
        target = f"127.0.0.1:{port}"
        variables = {**_variables(setup), "PEER_CODE": str(ROOT / "bench")}
        command = Command("triton", arguments, target, OPEN_INFERENCE, variables)
        with running_peer(command, first) as peer:
            yield peer


def _variables(setup: Setup, *folders: str) -> Mapping[str, str]:
    path = ":".join(str(ROOT / folder) for folder in folders or ("bench",))
    return {**setup.variables(), "PYTHONPATH": path}


GATEWAY, TRITON = "gateway", "triton"
TARGETS = (
    Target(
        GATEWAY,
        None,
        CTR_V1,
        "as it comes, caches off",
        Search.serialise,
        ctr_v1_probabilities,
        _gateway,
    ),
    Target(
        "sync-grpc",
        "sync-grpc",
        CTR_V1,
        "grpc's thread pool; chunks of at most half a list, first come first served, on two "
        "sessions of one thread",
        Search.serialise,
        ctr_v1_probabilities,
        _sync_grpc,
    ),
    Target(
        "mosec",
        "mosec",
        HTTP_JSON,
        "two worker processes, one list each at a time, no joined lists",
        serialise_json,
        probabilities_of_json,
        _mosec,
    ),
    Target(
        TRITON,
        None,
        OPEN_INFERENCE,
        "Python backend with raw texts, two instances, no dynamic batching",
        _open_inference,
        probabilities_of_infer,
        _triton,
    ),
    Target(
        "mlserver",
        "mlserver",
        OPEN_INFERENCE,
        "two parallel workers, adaptive batching and metrics off",
        _open_inference,
        probabilities_of_infer,
        _mlserver,
    ),
    Target(
        "litserve",
        "litserve",
        HTTP_JSON,
        "two workers, one list each at a time, one HTTP process, no time-out",
        serialise_json,
        probabilities_of_json,
        _litserve,
    ),
    Target(
        "naive",
        None,
        CTR_V1,
        "one list at a time, one batch padded to the longest, one session of all threads",
        Search.serialise,
        ctr_v1_probabilities,
        _naive,
    ),
)


def check_installed(targets: Iterable[Target]) -> None:
    """See before anything is measured that every peer is there.

    Raises:
        BenchError: one is not; the message says how to install it.
    """
    for target in targets:
        if target.environment:
            python_of(target.environment)
        elif target.name == TRITON:
            triton_launcher()
