"""What of a container's words must change where it has no network and no file system of its own.

Hosts, ports and paths, nothing else: a wildcard address becomes 127.0.0.1, a number that is a port
of the pod becomes the port of this machine that stands for it, and a path under a mount, or under a
folder of the image, becomes the folder of this machine that stands for it. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOOPBACK = "127.0.0.1"
_WILDCARDS = ("0.0.0.0", "[::]", "::")  # noqa: S104 -- what is replaced
_FLAG = re.compile(r"^(?P<flag>--?[A-Za-z0-9][\w.-]*=)(?P<value>.*)$", re.DOTALL)
_HOST_PORT = re.compile(r"^(?P<host>0\.0\.0\.0|\[::\]|127\.0\.0\.1|localhost):(?P<port>\d+)$")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """How one pod's words change.

    Attributes:
        ports: container port -> port of this machine.
        paths: folder in the container -> folder of this machine.
    """

    ports: Mapping[int, int] = field(default_factory=dict)
    paths: Mapping[str, Path] = field(default_factory=dict)

    def argument(self, text: str) -> str:
        """Return an argument; of `--flag=value` the value changes."""
        if found := _FLAG.match(text):
            return found["flag"] + self.value(found["value"])
        return self.value(text)

    def value(self, text: str) -> str:
        """Return a whole argument or the value of a variable."""
        if text in _WILDCARDS:
            return LOOPBACK
        if text.isdecimal():
            return str(self.ports.get(int(text), text))
        if found := _HOST_PORT.match(text):
            port = int(found["port"])
            return f"{LOOPBACK}:{self.ports.get(port, port)}"
        return self.path(text)

    def path(self, text: str) -> str:
        """Return where a path of the container is on this machine; the longest mount counts."""
        for mount in sorted(self.paths, key=len, reverse=True):
            if text == mount or text.startswith(f"{mount.rstrip('/')}/"):
                return str(self.paths[mount]) + text[len(mount.rstrip("/")) :]
        return text
