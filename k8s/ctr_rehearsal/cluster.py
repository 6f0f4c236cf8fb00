"""The emulated cluster: store, API, controllers and kubelet, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from ctr_rehearsal.api.kinds import NAMESPACE, NODE
from ctr_rehearsal.api.server import Api
from ctr_rehearsal.api.serving import serving, write_kubeconfig
from ctr_rehearsal.api.store import Store
from ctr_rehearsal.control.controllers import Controllers
from ctr_rehearsal.errors import RehearsalError
from ctr_rehearsal.kubelet.facts import PodFacts
from ctr_rehearsal.kubelet.images import Registry
from ctr_rehearsal.kubelet.kubelet import Kubelet
from ctr_rehearsal.kubelet.pod import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
    from pathlib import Path

    from ctr_rehearsal.kubelet.images import Image

    Follower: TypeAlias = Callable[["Cluster"], Coroutine[None, None, None]]

T = TypeVar("T")
CALL_S = 30.0
START_S, STOP_S = 30.0, 30.0
NODES = ("node-a", "node-b")
SCALED_VARIABLES = frozenset({"CTR_DRAIN_DELAY_S", "CTR_GRACE_S", "CTR_MAX_CONNECTION_AGE_S"})
"""Seconds of the gateway that a manifest sets to fit preStop, grace and lag: scaled with them."""


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """What to emulate.

    Attributes:
        folder: for pods, logs and the kubeconfig; a new one.
        images: by reference.
        namespace: kubectl's default; made at the start.
        nodes: names of the nodes, all on this machine.
        time_scale: on every time of the manifests that does not bound real work.
        scaled_variables: of containers, which hold seconds and are scaled as well.
        sync_s: how often changed ConfigMaps and Secrets reach running pods, unscaled; a cluster
            takes up to a minute.
    """

    folder: Path
    images: Mapping[str, Image]
    namespace: str = "default"
    nodes: Sequence[str] = NODES
    time_scale: float = 1.0
    scaled_variables: frozenset[str] = SCALED_VARIABLES
    sync_s: float = 2.0


class Cluster:
    """A running emulator. Its parts belong to its loop: other threads use `call`.

    Attributes:
        kubeconfig: leads kubectl here.
        registry: more images may be pushed.
    """

    def __init__(self, plan: ClusterPlan) -> None:
        self.plan = plan
        self.kubeconfig = plan.folder / "kubeconfig"
        self.registry = Registry(plan.images)
        self.store = Store()
        self.facts = PodFacts()
        node = Node(
            *(self.store, self.facts, self.registry, plan.folder / "pods", time.monotonic),
            time_scale=plan.time_scale,
            scaled=plan.scaled_variables,
            sync_s=plan.sync_s,
        )
        self._kubelet = Kubelet(node)
        self._api = Api(self.store, self._kubelet.log)
        self._controllers = Controllers(
            self.store, self._api, self.facts, time.monotonic, plan.time_scale
        )
        self._followers: list[Follower] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    def follow(self, follower: Follower) -> None:
        """Run something beside the controllers; before the start, or in the cluster's own loop."""
        self._followers.append(follower)

    async def run(self, ready: Callable[[], object]) -> None:
        """Serve until `stop`.

        Raises:
            Exception: a controller or a follower failed: a defect of the emulator.
        """
        self._loop = asyncio.get_running_loop()
        for name in dict.fromkeys(("default", self.plan.namespace)):
            self.store.create(NAMESPACE, {"metadata": {"name": name}})
        for name in self.plan.nodes:
            condition = {"type": "Ready", "status": "True"}
            node = {"metadata": {"name": name}, "spec": {}, "status": {"conditions": [condition]}}
            self.store.create(NODE, node)
        async with serving(self._api.application()) as port:
            write_kubeconfig(self.kubeconfig, port, self.plan.namespace)
            tasks = [
                asyncio.create_task(self._controllers.run()),
                asyncio.create_task(self._kubelet.run()),
                *(asyncio.create_task(follower(self)) for follower in self._followers),
                asyncio.create_task(self._stopped()),
            ]
            ready()
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """End `run`; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    def call(self, work: Callable[[], T]) -> T:
        """Run something in the emulator's loop, from another thread, and return what it gives.

        Raises:
            RehearsalError: the emulator does not run.
        """
        if self._loop is None:
            raise RehearsalError("the emulator does not run")

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(CALL_S)

    async def _stopped(self) -> None:
        await self._stop.wait()


@contextlib.contextmanager
def running_cluster(plan: ClusterPlan, *followers: Follower) -> Iterator[Cluster]:
    """Emulate a cluster until the block ends; then all of its processes are killed.

    Raises:
        RehearsalError: it did not start, or a part of it failed while it ran.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(plan)
    for follower in followers:
        cluster.follow(follower)
    ready = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(cluster.run(ready.set))
        except Exception as error:  # noqa: BLE001 -- told to the thread that waits for it
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="rehearsal-cluster", daemon=True)
    thread.start()
    try:
        if not ready.wait(START_S) or failed:
            raise RehearsalError(f"the emulator did not start: {failed or 'too slow'}")
        yield cluster
    finally:
        cluster.stop()
        thread.join(STOP_S)
    if failed:
        raise RehearsalError(f"the emulator failed while it ran: {failed[0]!r}") from failed[0]
