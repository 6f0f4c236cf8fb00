"""`ctr-bench` as its own process."""

from __future__ import annotations

import subprocess
import sys

from tests.support.gateway import ROOT


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `ctr-bench`."""
    return subprocess.run(
        [sys.executable, "-m", "ctr_bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
