"""A real Alertmanager on a free port, with the generated routes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ctr_observe.asking import ask, wait_until_ready
from ctr_observe.child import Child, running
from ctr_observe.prometheus import LISTENS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Alertmanager:
    """A running one.

    Attributes:
        address: host:port.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    @property
    def url(self) -> str:
        """Of its page and API."""
        return f"http://{self.address}"

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that it holds, inhibited ones included, as its API tells them."""
        return list(ask(f"{self.url}/api/v2/alerts"))


@contextlib.contextmanager
def running_alertmanager(folder: Path, config: str) -> Iterator[Alertmanager]:
    """Start one and wait until it answers.

    Args:
        folder: for its configuration, data and log.
        config: `alertmanager.yaml`.

    Raises:
        ObserveError: it is not installed, or did not start.
    """
    folder.mkdir(parents=True)
    path = folder / "alertmanager.yaml"
    path.write_text(config)
    command = (
        *("prometheus-alertmanager", f"--config.file={path}", f"--storage.path={folder / 'data'}"),
        *("--web.listen-address=127.0.0.1:0", "--cluster.listen-address="),
    )
    with running(Child("Alertmanager", command, folder / "alertmanager.log")) as child:
        manager = Alertmanager(child.wait_for(LISTENS)[1])
        wait_until_ready(f"{manager.url}/-/ready")
        yield manager
