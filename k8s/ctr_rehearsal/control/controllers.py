"""All controllers, run again after every change and, for what waits for a time, in between."""

from __future__ import annotations

import asyncio
import copy
import secrets
from collections import defaultdict
from typing import TYPE_CHECKING

from ctr_rehearsal.api.evicting import budget_status
from ctr_rehearsal.api.kinds import (
    DEPLOYMENT,
    ENDPOINT_SLICE,
    NODE,
    PDB,
    POD,
    REPLICA_SET,
    SERVICE,
)
from ctr_rehearsal.control.deployments import Deployments
from ctr_rehearsal.control.endpoints import slice_of, target_port
from ctr_rehearsal.control.replicas import PodView, pods_to_delete, pods_to_make
from ctr_rehearsal.objects import (
    HASH_LABEL,
    at,
    being_deleted,
    is_ready,
    labels_of,
    matches,
    name_of,
    namespace_of,
    owned_by,
    owner_uid,
    seconds_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ctr_rehearsal.api.server import Api
    from ctr_rehearsal.api.store import Store
    from ctr_rehearsal.kubelet.facts import PodFacts
    from ctr_rehearsal.objects import Object

LOOK_EVERY_S = 0.05
"""Deadlines and minReadySeconds are noticed this late at most."""


class Controllers:
    """Deployments, ReplicaSets, the scheduler, endpoints, budgets and the garbage collector."""

    def __init__(
        self,
        store: Store,
        api: Api,
        facts: PodFacts,
        now_s: Callable[[], float],
        time_scale: float,
    ) -> None:
        self._store = store
        self._api = api
        self._facts = facts
        self._now_s = now_s
        self._scale = time_scale
        self._deployments = Deployments(store, now_s, time_scale)

    async def run(self) -> None:
        """Reconcile until cancelled."""
        while True:
            version = self._store.version
            self.reconcile()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._store.changed(version)
            except TimeoutError:
                pass

    def reconcile(self) -> None:
        """Take one step with everything."""
        self._collect_garbage()
        for deployment in self._store.list(DEPLOYMENT):
            self._deployments.reconcile(deployment, self._views())
        views = self._views()
        for replica_set in self._store.list(REPLICA_SET):
            self._fill(replica_set, views.get(replica_set["metadata"]["uid"], []))
        self._place()
        self._publish()
        self._budget()

    def _views(self) -> dict[str, list[PodView]]:
        views: dict[str, list[PodView]] = defaultdict(list)
        for pod in self._store.list(POD):
            uid, owner = pod["metadata"]["uid"], owner_uid(pod)
            statuses = at(pod, "status.containerStatuses", [])
            views[owner or ""].append(
                PodView(
                    name=name_of(pod),
                    owner=owner or "",
                    node=at(pod, "spec.nodeName", ""),
                    ready=is_ready(pod),
                    ready_since_s=self._facts.ready_since_s.get(uid, self._now_s()),
                    deleting=being_deleted(pod),
                    made_s=seconds_of(pod["metadata"]["creationTimestamp"]),
                    restarts=sum(one["restartCount"] for one in statuses),
                )
            )
        return views

    def _fill(self, replica_set: Object, pods: Sequence[PodView]) -> None:
        wanted = replica_set["spec"]["replicas"]
        namespace = namespace_of(replica_set)
        for _ in range(pods_to_make(wanted, pods)):
            template = copy.deepcopy(replica_set["spec"]["template"])
            metadata = {
                **template["metadata"],
                "name": f"{name_of(replica_set)}-{secrets.token_hex(3)}",
                "namespace": namespace,
                "ownerReferences": owned_by(replica_set),
            }
            pod = {"metadata": metadata, "spec": template["spec"], "status": {"phase": "Pending"}}
            self._store.create(POD, pod)
        for name in pods_to_delete(wanted, pods):
            self._api.delete_pod(namespace, name)
        staying = [pod for pod in pods if not pod.deleting]
        min_ready_s = at(replica_set, "spec.minReadySeconds", 0) * self._scale
        status = {
            "observedGeneration": replica_set["metadata"]["generation"],
            "replicas": len(staying),
            "fullyLabeledReplicas": len(staying),
            "readyReplicas": sum(pod.ready for pod in staying),
            "availableReplicas": sum(p.available(self._now_s(), min_ready_s) for p in staying),
        }
        self._store.set_status(REPLICA_SET, replica_set, status)

    def _place(self) -> None:
        """Give every new pod the open node that has the fewest of its kind."""
        pods = self._store.list(POD)
        nodes = [n for n in self._store.list(NODE) if not at(n, "spec.unschedulable")]
        for pod in pods:
            if at(pod, "spec.nodeName") or being_deleted(pod) or not nodes:
                continue
            kind = labels_of(pod).get(HASH_LABEL)

            def load(node: Object, kind: str | None = kind) -> tuple[int, int, str]:
                there = [p for p in pods if at(p, "spec.nodeName") == name_of(node)]
                alike = sum(labels_of(p).get(HASH_LABEL) == kind for p in there)
                return alike, len(there), name_of(node)

            pod["spec"]["nodeName"] = name_of(min(nodes, key=load))
            kept = self._store.replace(POD, pod)
            pod["metadata"] = kept["metadata"]

    def _publish(self) -> None:
        """Keep one EndpointSlice a pod and port of each Service."""
        wanted = {(namespace_of(one), name_of(one)): one for one in self._slices()}
        standing = {(namespace_of(s), name_of(s)): s for s in self._store.list(ENDPOINT_SLICE)}
        for key, one in wanted.items():
            if key not in standing:
                self._store.create(ENDPOINT_SLICE, one)
            elif standing[key]["endpoints"] != one["endpoints"]:
                standing[key]["endpoints"] = one["endpoints"]
                self._store.replace(ENDPOINT_SLICE, standing[key])
        for key in standing.keys() - wanted.keys():
            self._store.remove(ENDPOINT_SLICE, *key)

    def _slices(self) -> Iterator[Object]:
        for service in self._store.list(SERVICE):
            selector = at(service, "spec.selector")
            for pod in self._store.list(POD, namespace_of(service)):
                if not selector or not matches({"matchLabels": selector}, labels_of(pod)):
                    continue
                ports = self._facts.ports.get(pod["metadata"]["uid"], {})
                for port in service["spec"].get("ports") or ():
                    number = target_port(service, port["port"], pod)
                    if number in ports:
                        yield slice_of(service, port, pod, ports[number])

    def _budget(self) -> None:
        for budget in self._store.list(PDB):
            pods = self._store.list(POD, namespace_of(budget))
            expected = self._api.expected_pods(budget, pods)
            self._store.set_status(PDB, budget, budget_status(budget, pods, expected))

    def _collect_garbage(self) -> None:
        """Delete what belongs to an owner that is gone, as background deletion does."""
        owners = {
            thing["metadata"]["uid"]
            for kind in (DEPLOYMENT, REPLICA_SET, SERVICE)
            for thing in self._store.list(kind)
        }
        for replica_set in self._store.list(REPLICA_SET):
            if (uid := owner_uid(replica_set)) and uid not in owners:
                self._store.remove(REPLICA_SET, namespace_of(replica_set), name_of(replica_set))
        for pod in self._store.list(POD):
            if (uid := owner_uid(pod)) and uid not in owners and not being_deleted(pod):
                self._api.delete_pod(namespace_of(pod), name_of(pod))
