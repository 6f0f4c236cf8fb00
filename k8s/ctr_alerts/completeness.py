"""Every alert has a runbook with all its headings, and tests of firing and of silence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from ctr_alerts import layout
from ctr_alerts.promtool import alert_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADINGS = ("Meaning", "Impact", "Diagnosis", "Mitigation")


def gaps(root: Path) -> tuple[str, ...]:
    """Return what is missing, a sentence each, as the committed files stand."""
    rules = list(_alert_rules(root / layout.GENERATED / layout.RULES))
    names = {rule["alert"] for rule in rules}
    return (*_runbook_gaps(root, names), *_test_gaps(root, rules))


def _runbook_gaps(root: Path, names: set[str]) -> Iterator[str]:
    folder = root / layout.RUNBOOKS
    there = {path.stem for path in folder.glob("*.md")} - layout.OTHER_RUNBOOKS
    for name in sorted(names - there):
        yield f"{layout.RUNBOOKS / name}.md is missing: the alert {name} has no runbook"
    for name in sorted(there - names):
        yield f"{layout.RUNBOOKS / name}.md is the runbook of no alert"
    for name in sorted(names & there):
        text = (folder / f"{name}.md").read_text(encoding="utf-8")
        sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", text, flags=re.MULTILINE))
        for heading in HEADINGS:
            if not sections.get(heading, "").strip():
                yield f"{layout.RUNBOOKS / name}.md says nothing under `## {heading}`"


def _test_gaps(root: Path, rules: list[dict[str, Any]]) -> Iterator[str]:
    fired: set[frozenset[tuple[str, str]]] = set()
    silent: set[frozenset[tuple[str, str]]] = set()
    for test in _expression_tests(root / layout.GENERATED / layout.TESTS):
        if (alert := alert_of(test["expr"])) is not None:
            (fired if test["exp_samples"] else silent).add(alert)
    for rule in rules:
        labels = {"alertname": rule["alert"], **rule["labels"]}
        key = frozenset(labels.items())
        said = ", ".join(f"{name}={value}" for name, value in labels.items())
        if key not in fired:
            yield f"no promtool test shows that the alert {said} fires"
        if key not in silent:
            yield f"no promtool test shows that the alert {said} keeps silent"


def _alert_rules(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.yaml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from (rule for rule in group["rules"] if "alert" in rule)


def _expression_tests(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*_test.yaml")):
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            yield from test["promql_expr_test"]
