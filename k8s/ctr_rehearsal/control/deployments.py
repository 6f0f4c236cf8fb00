"""Carries out what `rolling` and `progress` decide for each Deployment."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ctr_rehearsal.api.kinds import DEPLOYMENT, REPLICA_SET
from ctr_rehearsal.control.progress import Counts, advanced, status_of
from ctr_rehearsal.control.rolling import ReplicaCount, next_replicas, strategy_of
from ctr_rehearsal.objects import (
    HASH_LABEL,
    REVISION,
    at,
    labels_of,
    name_of,
    namespace_of,
    owned_by,
    owner_uid,
    template_hash,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ctr_rehearsal.api.store import Store
    from ctr_rehearsal.control.progress import Progress
    from ctr_rehearsal.control.replicas import PodView
    from ctr_rehearsal.control.rolling import Strategy
    from ctr_rehearsal.objects import Object

CHANGE_CAUSE = "kubernetes.io/change-cause"
_NOT_PASSED_ON = ("kubectl.kubernetes.io/last-applied-configuration", REVISION)


class Deployments:
    """The deployment controller."""

    def __init__(self, store: Store, now_s: Callable[[], float], time_scale: float) -> None:
        """Control the Deployments of a store.

        Args:
            store: all objects.
            now_s: monotonic time.
            time_scale: on progressDeadlineSeconds and minReadySeconds.
        """
        self._store = store
        self._now_s = now_s
        self._scale = time_scale
        self._progress: dict[str, Progress] = {}

    def reconcile(self, deployment: Object, pods: Mapping[str, Sequence[PodView]]) -> None:
        """Take one step.

        Args:
            deployment: it.
            pods: by the uid of their ReplicaSet.
        """
        owned = self._replica_sets(deployment)
        template = _template_of(deployment)
        digest = template_hash(template)
        paused = bool(at(deployment, "spec.paused", False))
        new = next((one for one in owned if labels_of(one)[HASH_LABEL] == digest), None)
        old = [one for one in owned if one is not new]
        if new is None and not paused:
            new = self._make(deployment, template, digest, old)
        if new is not None and not paused:
            new = self._revise(deployment, new, old)
            self._roll(deployment, new, old, pods)
            self._forget_history(deployment, old, pods)
        elif paused:
            self._scale_paused(deployment, owned)
        self._tell(deployment, new, self._replica_sets(deployment), pods, digest)

    def _replica_sets(self, deployment: Object) -> list[Object]:
        uid = deployment["metadata"]["uid"]
        sets = self._store.list(REPLICA_SET, namespace_of(deployment))
        owned = [one for one in sets if owner_uid(one) == uid]
        return sorted(owned, key=lambda one: int(one["metadata"]["resourceVersion"]))

    def _make(
        self, deployment: Object, template: Object, digest: str, old: Sequence[Object]
    ) -> Object:
        template = copy.deepcopy(template)
        template["metadata"].setdefault("labels", {})[HASH_LABEL] = digest
        selector = copy.deepcopy(deployment["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH_LABEL] = digest
        replica_set: Object = {
            "metadata": {
                "name": f"{name_of(deployment)}-{digest}",
                "namespace": namespace_of(deployment),
                "labels": template["metadata"]["labels"],
                "annotations": {REVISION: str(1 + max(map(_revision, old), default=0))},
                "ownerReferences": owned_by(deployment),
            },
            "spec": {
                "replicas": 0,
                "minReadySeconds": deployment["spec"]["minReadySeconds"],
                "selector": selector,
                "template": template,
            },
        }
        return self._store.create(REPLICA_SET, replica_set)

    def _revise(self, deployment: Object, new: Object, old: Sequence[Object]) -> Object:
        """Number the current ReplicaSet above all others; the Deployment shows the same number."""
        highest = max(map(_revision, old), default=0)
        revision = _revision(new) if _revision(new) > highest else highest + 1
        annotations = {
            key: value
            for key, value in (deployment["metadata"].get("annotations") or {}).items()
            if key not in _NOT_PASSED_ON
        }
        wanted = {
            **(new["metadata"].get("annotations") or {}),
            **annotations,
            REVISION: str(revision),
        }
        if wanted != new["metadata"].get("annotations"):
            new["metadata"]["annotations"] = wanted
            new = self._store.replace(REPLICA_SET, new)
        current = self._store.get(DEPLOYMENT, namespace_of(deployment), name_of(deployment))
        shown = current["metadata"].setdefault("annotations", {})
        if shown.get(REVISION) != str(revision):
            shown[REVISION] = str(revision)
            self._store.replace(DEPLOYMENT, current)
        return new

    def _roll(
        self,
        deployment: Object,
        new: Object,
        old: Sequence[Object],
        pods: Mapping[str, Sequence[PodView]],
    ) -> None:
        changed = next_replicas(
            deployment_strategy(deployment),
            self._count(new, pods),
            [self._count(one, pods) for one in old],
            sum(len(pods.get(one["metadata"]["uid"], ())) for one in old),
        )
        for one in (new, *old):
            if name_of(one) in changed:
                one["spec"]["replicas"] = changed[name_of(one)]
                self._store.replace(REPLICA_SET, one)

    def _scale_paused(self, deployment: Object, owned: Sequence[Object]) -> None:
        """A paused rollout still follows its number of replicas, where one ReplicaSet has all."""
        active = [one for one in owned if one["spec"]["replicas"]]
        wanted = deployment["spec"]["replicas"]
        if len(active) == 1 and active[0]["spec"]["replicas"] != wanted:
            active[0]["spec"]["replicas"] = wanted
            self._store.replace(REPLICA_SET, active[0])

    def _forget_history(
        self,
        deployment: Object,
        old: Sequence[Object],
        pods: Mapping[str, Sequence[PodView]],
    ) -> None:
        empty = [
            one
            for one in sorted(old, key=_revision)
            if not one["spec"]["replicas"] and not pods.get(one["metadata"]["uid"])
        ]
        surplus = len(empty) - int(deployment["spec"]["revisionHistoryLimit"])
        for one in empty[: max(0, surplus)]:
            self._store.remove(REPLICA_SET, namespace_of(one), name_of(one))

    def _tell(
        self,
        deployment: Object,
        new: Object | None,
        owned: Sequence[Object],
        pods: Mapping[str, Sequence[PodView]],
        digest: str,
    ) -> None:
        spec, uid = deployment["spec"], deployment["metadata"]["uid"]
        paused = bool(spec.get("paused"))
        counts = self._counts(spec["replicas"], new, owned, pods)
        progress = advanced(
            *(self._progress.get(uid), digest, counts, self._now_s()),
            deadline_s=spec["progressDeadlineSeconds"] * self._scale,
            paused=paused,
        )
        self._progress[uid] = progress
        strategy = deployment_strategy(deployment)
        status = status_of(
            *(deployment["metadata"]["generation"], counts, progress),
            least_available=strategy.replicas - strategy.max_unavailable,
            paused=paused,
            replica_set=f"{name_of(deployment)}-{digest}",
            now=self._store.now,
            before=deployment.get("status") or {},
        )
        self._store.set_status(DEPLOYMENT, deployment, status)

    def _count(self, one: Object, pods: Mapping[str, Sequence[PodView]]) -> ReplicaCount:
        return ReplicaCount(name_of(one), one["spec"]["replicas"], self._available(one, pods))

    def _available(self, one: Object, pods: Mapping[str, Sequence[PodView]]) -> int:
        min_ready_s = at(one, "spec.minReadySeconds", 0) * self._scale
        own = pods.get(one["metadata"]["uid"], ())
        return sum(pod.available(self._now_s(), min_ready_s) for pod in own)

    def _counts(
        self,
        wanted: int,
        new: Object | None,
        owned: Sequence[Object],
        pods: Mapping[str, Sequence[PodView]],
    ) -> Counts:
        staying = {
            one["metadata"]["uid"]: [
                p for p in pods.get(one["metadata"]["uid"], ()) if not p.deleting
            ]
            for one in owned
        }
        updated_uid = None if new is None else new["metadata"]["uid"]
        available = {one["metadata"]["uid"]: self._available(one, pods) for one in owned}
        return Counts(
            wanted=wanted,
            total=sum(map(len, staying.values())),
            updated=len(staying.get(updated_uid or "", ())),
            ready=sum(pod.ready for own in staying.values() for pod in own),
            available=sum(available.values()),
            updated_available=available.get(updated_uid or "", 0),
        )


def deployment_strategy(deployment: Object) -> Strategy:
    """Return what a Deployment asks for, as numbers."""
    spec = deployment["spec"]
    if spec["strategy"]["type"] == "Recreate":
        return strategy_of(spec["replicas"], 0, spec["replicas"], recreate=True)
    rolling = spec["strategy"]["rollingUpdate"]
    return strategy_of(spec["replicas"], rolling["maxSurge"], rolling["maxUnavailable"])


def _template_of(deployment: Object) -> Object:
    return dict(copy.deepcopy(deployment["spec"]["template"]))


def _revision(replica_set: Object) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(REVISION, 0))
