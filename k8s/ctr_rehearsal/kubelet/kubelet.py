"""Watches for pods of this machine's nodes, and starts and ends them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ctr_rehearsal.api.kinds import POD
from ctr_rehearsal.kubelet.pod import PodRun
from ctr_rehearsal.objects import at, being_deleted, name_of, namespace_of

if TYPE_CHECKING:
    from ctr_rehearsal.kubelet.pod import Node


class Kubelet:
    """One for all nodes: what tells them apart is the name in spec.nodeName."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._pods: dict[str, PodRun] = {}
        self._names: dict[str, PodRun] = {}

    async def run(self) -> None:
        """Follow the pods until cancelled; then all processes are killed."""
        syncing = asyncio.create_task(self._sync())
        try:
            while True:
                version = self._node.store.version
                self._look()
                await self._node.store.changed(version)
        finally:
            syncing.cancel()
            await asyncio.gather(*(pod.kill() for pod in self._pods.values()))

    def log(self, namespace: str, pod: str, container: str) -> str:
        """Return what a container's processes wrote."""
        found = self._names.get(f"{namespace}/{pod}")
        return "" if found is None else found.log(container)

    def _look(self) -> None:
        seen = set()
        for pod in self._node.store.list(POD):
            uid = pod["metadata"]["uid"]
            seen.add(uid)
            if uid not in self._pods and at(pod, "spec.nodeName"):
                self._pods[uid] = PodRun(pod, self._node)
                self._names[f"{namespace_of(pod)}/{name_of(pod)}"] = self._pods[uid]
                self._pods[uid].start()
            if not being_deleted(pod):
                continue
            if uid in self._pods:
                grace_s = pod["metadata"]["deletionGracePeriodSeconds"]
                self._pods[uid].ask_to_end(grace_s * self._node.time_scale)
            else:  # never placed: there is nothing to end
                self._node.store.remove(POD, namespace_of(pod), name_of(pod))
        for uid in self._pods.keys() - seen:
            del self._pods[uid]

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(self._node.sync_s * self._node.time_scale)
            for pod in self._pods.values():
                pod.refresh()
