"""A process under a container's conditions, without a container."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPT = Path(__file__).with_name("contained.sh")
UNSHARE = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child")


def contained(environment: Mapping[str, str]) -> list[str]:
    """Return what stands before a command: read-only root, nobody, process 1, this environment.

    Skips where the system does not let us; fails where CI says that it must.
    """
    words = [*UNSHARE, "--mount-proc", "sh", str(SCRIPT)]
    missing = [name for name in ("unshare", "setpriv") if shutil.which(name) is None]
    reason = f"{missing} of util-linux is missing" if missing else ""
    if not missing:
        tried = subprocess.run([*words, "true"], check=False, capture_output=True, text=True)
        reason = "" if tried.returncode == 0 else f"no namespace of our own: {tried.stderr.strip()}"
    if reason:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return [*words, *(f"{name}={value}" for name, value in environment.items())]


def process_one(unshare: subprocess.Popen[str]) -> int:
    """Return the host's number of the process that is number 1 inside."""
    (child,) = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().split()
    return int(child)
