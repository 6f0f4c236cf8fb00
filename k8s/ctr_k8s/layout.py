"""Where things lie, as seen from the repository's root."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("k8s")
TABLE = FOLDER / "combinations.yaml"
BUILD = Path("build/k8s")
ALERTS = FOLDER / "alerts"
COMPONENTS = FOLDER / "components"
