"""Where the peers' environments lie, and which versions are in them."""

from __future__ import annotations

import re
from pathlib import Path

from ctr_bench.errors import BenchError

ROOT = Path(__file__).parents[3]
PLACE = Path(".tools") / "peers"
REQUIREMENTS = Path("bench") / "peers" / "requirements"
TRITON_SETUP, TRITON_LAUNCHER = Path("tools") / "setup_triton.sh", Path("tools") / "tritonserver.sh"
TRITON_INSTALLED = Path(".tools") / "triton.installed"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)$")


def python_of(name: str, root: Path = ROOT) -> Path:
    """Return the interpreter of a peer's environment.

    Raises:
        BenchError: it is not installed, or with other versions than the requirements say.
    """
    wanted, done = root / REQUIREMENTS / f"{name}.txt", root / PLACE / f"{name}.installed"
    if not (done.is_file() and done.read_bytes() == wanted.read_bytes()):
        raise BenchError(f"the peer {name} is not installed here; run `make peers-setup`")
    return root / PLACE / name / "bin" / "python"


def triton_launcher(root: Path = ROOT) -> Path:
    """Return the program that becomes the tritonserver.

    Raises:
        BenchError: there is none.
    """
    if not (root / TRITON_INSTALLED).is_file():
        raise BenchError("there is no tritonserver here; install it with `make triton-setup`")
    return root / TRITON_LAUNCHER


def pins_of(name: str, root: Path = ROOT) -> dict[str, str]:
    """Return distribution -> version, from a peer's requirements.

    Raises:
        BenchError: a line pins no exact version.
    """
    path = root / REQUIREMENTS / f"{name}.txt"
    pins: dict[str, str] = {}
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        found = _PIN.match(line)
        if found is None:
            raise BenchError(f"{path}: {line} pins no exact version; write name==version")
        pins[found[1]] = found[2]
    return pins


def triton_pins(root: Path = ROOT) -> str:
    """Return what is installed of Triton, as its set-up wrote it."""
    return (root / TRITON_INSTALLED).read_text().strip()
