"""Debian's Prometheus and Alertmanager, with their tools."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "k8s" / "alerts" / "generated"
PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}


def require_alerting(*commands: str) -> None:
    """Skip where a command is missing; fail where CI says that it must be there."""
    for command in commands:
        if shutil.which(command) is None:
            reason = f"{command} is not installed: apt-get install {PACKAGES[command]}"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
