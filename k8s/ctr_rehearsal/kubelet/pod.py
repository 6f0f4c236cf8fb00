"""One pod's life: images, volumes, init containers, containers, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_rehearsal.api.kinds import POD
from ctr_rehearsal.control.endpoints import PORTS
from ctr_rehearsal.errors import ApiError
from ctr_rehearsal.kubelet.container import Container
from ctr_rehearsal.kubelet.events import warn
from ctr_rehearsal.kubelet.health import restart_wait_s
from ctr_rehearsal.kubelet.images import ImageNotFoundError
from ctr_rehearsal.kubelet.pod_status import all_ready, pod_status
from ctr_rehearsal.kubelet.ports import free_port
from ctr_rehearsal.kubelet.rewriting import Rewriting
from ctr_rehearsal.kubelet.surroundings import Surroundings
from ctr_rehearsal.kubelet.variables import ConfigMissingError, expanded, variables_of
from ctr_rehearsal.kubelet.volumes import Volumes
from ctr_rehearsal.objects import name_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ctr_rehearsal.api.store import Store
    from ctr_rehearsal.kubelet.facts import PodFacts
    from ctr_rehearsal.kubelet.images import Image, Registry
    from ctr_rehearsal.objects import Object

TRY_AGAIN_S = 10.0
"""Of an image or a volume that could not be had; a kubelet begins with as much."""


@dataclass(frozen=True, slots=True)
class Node:
    """What all pods of this machine share.

    Attributes:
        store: all objects.
        facts: where pods tell what objects do not hold.
        registry: of images.
        folder: for the pods' folders and logs.
        now_s: monotonic time.
        time_scale: on periods, preStop, grace and back-off.
        scaled: variables of containers that hold seconds and are scaled alike.
        sync_s: how often changed ConfigMaps and Secrets are brought into running pods, unscaled.
    """

    store: Store
    facts: PodFacts
    registry: Registry
    folder: Path
    now_s: Callable[[], float]
    time_scale: float
    scaled: frozenset[str]
    sync_s: float


class PodRun:
    """Runs one pod from its placement to its end. Belongs to one event loop."""

    def __init__(self, pod: Object, node: Node) -> None:
        self._pod = pod
        self._node = node
        self._uid = pod["metadata"]["uid"]
        self._folder = node.folder / f"{name_of(pod)}"
        self._volumes = Volumes(node.store, node.registry, pod, self._folder / "volumes")
        self._containers: list[Container] = []
        self._waiting = {"reason": "ContainerCreating", "message": ""}
        self._running: list[asyncio.Task[None]] = []
        self._life: asyncio.Task[None] | None = None
        self._end: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin its life, in the background."""
        self._life = asyncio.create_task(self._live())

    def ask_to_end(self, grace_s: float) -> None:
        """Begin its end, in the background; once it has begun it goes its way."""
        if self._end is None:
            self._end = asyncio.create_task(self._stop(grace_s))

    def refresh(self) -> None:
        """Bring changed ConfigMaps and Secrets into its volumes."""
        if self._containers:
            self._volumes.refresh()

    async def kill(self) -> None:
        """End all of its processes at once, as the emulator's own end needs it."""
        beginning = [task for task in (self._life, self._end) if task is not None]
        for task in beginning:
            task.cancel()
        for container in self._containers:
            container.kill()
        await asyncio.gather(*beginning, *self._running, return_exceptions=True)

    def log(self, container: str) -> str:
        """Return what a container's processes wrote, of all its lives."""
        file = self._folder / f"{container}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    async def _live(self) -> None:
        await self._prepare()
        for spec in self._pod["spec"].get("initContainers") or ():
            if spec.get("restartPolicy") == "Always":
                self._wait_with("Unsupported", "the emulator runs no sidecars (initContainers)")
                return
            await self._run_init(spec)
        self._containers = [self._container(s) for s in self._pod["spec"]["containers"]]
        self._running = [asyncio.create_task(one.run()) for one in self._containers]
        self._publish()

    async def _prepare(self) -> None:
        """Make images, volumes and ports ready, trying again until it works."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._give_ports()
        while True:
            try:
                for spec in self._all_specs():
                    self._node.registry.pull(spec["image"])
                self._volumes.make()
                for spec in self._all_specs():
                    variables_of(self._node.store, self._pod, spec)
            except ImageNotFoundError as error:
                self._wait_with("ErrImagePull", str(error))
            except ConfigMissingError as error:
                self._wait_with("CreateContainerConfigError", str(error))
            except ApiError as error:
                self._wait_with("Unsupported", str(error))
                await asyncio.Event().wait()
            else:
                return
            await asyncio.sleep(TRY_AGAIN_S * self._node.time_scale)

    async def _run_init(self, spec: Object) -> None:
        """Run an init container until it succeeds."""
        around, command = self._around(spec), self._command(spec)
        crashes = 0
        while (code := await around.run(command)) != 0:
            crashes += 1
            self._wait_with("Init:CrashLoopBackOff", f"{spec['name']} ended with {code}")
            await asyncio.sleep(restart_wait_s(crashes) * self._node.time_scale)

    async def _stop(self, grace_s: float) -> None:
        if self._life is not None:
            self._life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._life
        await asyncio.gather(*(one.stop(grace_s) for one in self._containers))
        await asyncio.gather(*self._running, return_exceptions=True)
        self._forget()

    def _forget(self) -> None:
        facts, pod = self._node.facts, self._pod
        facts.ports.pop(self._uid, None)
        facts.ready_since_s.pop(self._uid, None)
        facts.pids.pop(self._uid, None)
        with contextlib.suppress(ApiError):
            self._node.store.remove(POD, namespace_of(pod), name_of(pod))

    def _all_specs(self) -> Sequence[Object]:
        spec = self._pod["spec"]
        return [*(spec.get("initContainers") or ()), *spec["containers"]]

    def _give_ports(self) -> None:
        numbers = {
            int(port["containerPort"])
            for spec in self._all_specs()
            for port in spec.get("ports") or ()
        }
        ports = {number: free_port() for number in sorted(numbers)}
        self._node.facts.ports[self._uid] = ports
        current = self._node.store.find(POD, namespace_of(self._pod), name_of(self._pod))
        if current is not None:
            annotations = current["metadata"].setdefault("annotations", {})
            annotations[PORTS] = json.dumps(ports)
            self._node.store.replace(POD, current)

    def _container(self, spec: Object) -> Container:
        return Container(
            spec,
            self._pod,
            self._command(spec),
            self._around(spec),
            now=lambda: self._node.store.now,
            now_s=self._node.now_s,
            time_scale=self._node.time_scale,
            changed=self._publish,
            tell=self._tell,
        )

    def _command(self, spec: Object) -> list[str]:
        """Return a container's command: `command` replaces the image's, `args` follow it."""
        variables = variables_of(self._node.store, self._pod, spec)
        own = [expanded(word, variables) for word in spec.get("command") or ()]
        arguments = [expanded(word, variables) for word in spec.get("args") or ()]
        return [*(own or self._image(spec).entrypoint), *arguments]

    def _around(self, spec: Object) -> Surroundings:
        image = self._image(spec)
        folder = self._folder / spec["name"]
        mounts = self._volumes.mounts(spec)
        ports = self._node.facts.ports[self._uid]
        return Surroundings(
            rewriting=Rewriting(ports, {**image.files, **mounts}),
            variables={
                **image.variables,
                **variables_of(self._node.store, self._pod, spec),
            },
            folder=folder,
            log=self._folder / f"{spec['name']}.log",
            programs=image.programs,
            scaled=self._node.scaled,
            time_scale=self._node.time_scale,
        )

    def _image(self, spec: Object) -> Image:
        return self._node.registry.pull(spec["image"])

    def _wait_with(self, reason: str, message: str) -> None:
        self._waiting = {"reason": reason, "message": message}
        self._tell(reason, message)
        self._publish()

    def _tell(self, reason: str, message: str) -> None:
        warn(self._node.store, self._pod, reason, message)

    def _publish(self) -> None:
        """Write the status."""
        node, pod = self._node, self._pod
        current = node.store.find(POD, namespace_of(pod), name_of(pod))
        if current is None or current["metadata"]["uid"] != self._uid:
            return
        if not all_ready(self._containers):
            node.facts.ready_since_s.pop(self._uid, None)
        elif self._uid not in node.facts.ready_since_s:
            node.facts.ready_since_s[self._uid] = node.now_s()
        node.facts.pids[self._uid] = {
            one.name: one.pid for one in self._containers if one.pid is not None
        }
        status = pod_status(current, self._containers, self._waiting, node.store.now)
        node.store.set_status(POD, current, status)
