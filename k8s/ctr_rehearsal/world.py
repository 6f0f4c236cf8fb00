"""A cluster under traffic: the emulator, Envoy and a client-side list before it, kubectl, load."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_rehearsal.api.kinds import DEPLOYMENT, POD
from ctr_rehearsal.cluster import ClusterPlan, running_cluster
from ctr_rehearsal.errors import RehearsalError
from ctr_rehearsal.objects import being_deleted, is_ready, name_of
from ctr_rehearsal.traffic.balancing import EndpointList
from ctr_rehearsal.traffic.envoy import running_envoy
from ctr_rehearsal.traffic.generator import LIST_PREFIX
from ctr_rehearsal.traffic.load import Window, running_load
from ctr_rehearsal.traffic.publishing import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ctr_rehearsal.cluster import Cluster
    from ctr_rehearsal.kubelet.images import Image
    from ctr_rehearsal.objects import Object
    from ctr_rehearsal.traffic.envoy import Envoy
    from ctr_rehearsal.traffic.load import Flow, Load

COMMAND_S = 240.0
LOOK_EVERY_S = 0.05
SETTLE_S = 60.0


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """What to set up.

    Attributes:
        folder: a new one for everything.
        images: by reference.
        namespace: kubectl's default.
        service: "service:port" that Envoy leads to without a route.
        headless: "service:port" that clients balance over themselves.
        lag_s: how late endpoints and weights reach who balances by them, unscaled.
        time_scale: on every time of the manifests that does not bound real work, and on the lag.
        nodes: names of the nodes.
    """

    folder: Path
    images: Mapping[str, Image]
    namespace: str = "ctr"
    service: str = "ctr-service:8500"
    headless: str = "ctr-service-headless:8500"
    lag_s: float = 1.0
    time_scale: float = 1.0
    nodes: tuple[str, ...] = ("node-a", "node-b", "node-c")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and when it ran."""

    code: int
    text: str
    window: Window


class World:
    """Everything that runs.

    Attributes:
        targets: where requests go: `strict`, `gateway` (Envoy) and `client` (balanced there).
    """

    def __init__(self, plan: WorldPlan, cluster: Cluster, envoy: Envoy, listed: Path) -> None:
        self.plan = plan
        self.cluster = cluster
        self.envoy = envoy
        self.targets = {**envoy.targets, "client": f"{LIST_PREFIX}{listed}"}
        self._runs = 0

    def sh(self, script: str, *, variables: Mapping[str, str] | None = None) -> Said:
        """Run a script by bash, as an operator at this cluster would; never raises for its code."""
        began_ns = time.monotonic_ns()
        done = subprocess.run(  # noqa: S603 -- our own scripts
            ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 -- the system's
            env={**self.environment(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        window = Window(began_ns, time.monotonic_ns())
        return Said(done.returncode, done.stdout + done.stderr, window)

    def must(self, script: str, *, variables: Mapping[str, str] | None = None) -> Said:
        """Run a script that has to succeed.

        Raises:
            RehearsalError: it did not; the message holds its words.
        """
        said = self.sh(script, variables=variables)
        if said.code:
            raise RehearsalError(f"{script.strip()!r} ended with {said.code}: {said.text}")
        return said

    def environment(self) -> dict[str, str]:
        """Return an operator's environment: kubectl on PATH, and the way to this cluster."""
        programs = Path(sys.executable).parent
        return {
            "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.plan.folder),
            "KUBECONFIG": str(self.cluster.kubeconfig),
        }

    def pods(self) -> list[Object]:
        """Return the pods of the namespace."""
        return self.cluster.call(lambda: self.cluster.store.list(POD, self.plan.namespace))

    def deployments(self) -> list[Object]:
        """Return the Deployments of the namespace."""
        return self.cluster.call(lambda: self.cluster.store.list(DEPLOYMENT, self.plan.namespace))

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds.

        Raises:
            RehearsalError: it does not within SETTLE_S.
        """
        end_s = time.monotonic() + SETTLE_S
        while not holds():
            if time.monotonic() > end_s:
                raise RehearsalError(f"not within {SETTLE_S:.0f} s: {what}")
            time.sleep(LOOK_EVERY_S)

    def settle(self) -> Window:
        """Wait until no pod is on its way and Envoy knows it; return when that was."""
        began_ns = time.monotonic_ns()

        def settled() -> bool:
            pods = self.pods()
            if any(being_deleted(pod) or not is_ready(pod) for pod in pods):
                return False
            ports = self.cluster.facts.ports
            number = int(self.plan.service.rsplit(":", 1)[1])
            wanted = {f"127.0.0.1:{ports[p['metadata']['uid']][number]}" for p in pods}
            return self.envoy.endpoints(self.plan.service) <= wanted

        self.wait_until(settled, "all pods ready, none on its way out")
        return Window(began_ns, time.monotonic_ns())

    def kill(self, pod: str) -> int:
        """Kill a pod's processes as the system does for want of memory; return when, in ns."""

        def kill() -> int:
            [uid] = [p["metadata"]["uid"] for p in self.pods_now() if name_of(p) == pod]
            moment_ns = time.monotonic_ns()
            for pid in self.cluster.facts.pids[uid].values():
                os.killpg(pid, signal.SIGKILL)
            return moment_ns

        return self.cluster.call(kill)

    def pods_now(self) -> list[Object]:
        """Do what `pods` does, inside the cluster's loop."""
        return self.cluster.store.list(POD, self.plan.namespace)

    @contextlib.contextmanager
    def load(self, *flows: Flow) -> Iterator[dict[str, Load]]:
        """Send flows until the block ends."""
        self._runs += 1
        with running_load(self.plan.folder / f"load-{self._runs}", *flows) as loads:
            yield loads


@contextlib.contextmanager
def running_world(plan: WorldPlan) -> Iterator[World]:
    """Run everything until the block ends.

    Raises:
        RehearsalError: a part did not start or failed.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    listed = EndpointList(plan.folder / "endpoints.json", plan.headless)
    with running_envoy(plan.folder / "envoy", plan.service) as envoy:
        publisher = Publisher(plan.namespace, (envoy, listed), plan.lag_s * plan.time_scale)
        cluster_plan = ClusterPlan(
            *(plan.folder / "cluster", plan.images, plan.namespace, plan.nodes, plan.time_scale)
        )
        with running_cluster(cluster_plan, publisher.follow) as cluster:
            yield World(plan, cluster, envoy, listed.path)
