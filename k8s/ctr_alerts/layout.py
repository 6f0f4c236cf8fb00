"""Where the source lies, and what is generated where, all relative to the repository."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path("k8s/alerts/slo.yaml")
GENERATED = Path("k8s/alerts/generated")
BOUNDS = Path("service/ctr_service/telemetry/bounds.py")
RUNBOOKS = Path("k8s/runbooks")
OTHER_RUNBOOKS = frozenset({"rollout"})
"""Runbooks that are no alert's."""
RULES, TESTS, DASHBOARDS = Path("rules"), Path("tests"), Path("dashboards")
"""Folders of what is generated."""
ALERTMANAGER, COLLECTOR = Path("alertmanager.yaml"), Path("collector.yaml")
