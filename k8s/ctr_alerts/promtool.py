"""promtool's unit tests: one file for the proofs of a rule file of one evaluation interval."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ctr_alerts.yaml_text import yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_alerts.duration import Duration
    from ctr_alerts.proof import Proof
    from ctr_alerts.rule import Alert
    from ctr_alerts.rules import RuleFile


def test_files(files: tuple[RuleFile, ...]) -> Iterator[tuple[str, str]]:
    """Yield name and text of every test file."""
    groups = {file.stem: file.group for file in files}
    for file in files:
        by_interval: dict[Duration, list[dict[str, Any]]] = defaultdict(list)
        for proven in file.proven:
            for proof in proven.proofs:
                by_interval[proof.every].append(_case(proven.alert, proof))
        loaded = (*file.needs, file.stem)
        for interval, cases in by_interval.items():
            tree = {
                "rule_files": [f"../rules/{stem}.yaml" for stem in loaded],
                "evaluation_interval": str(interval),
                "group_eval_order": [groups[stem] for stem in loaded],
                "tests": cases,
            }
            yield f"{file.stem}_every_{interval}_test.yaml", yaml_text(tree)


def firing(alert: Alert) -> str:
    """Return PromQL of the number of an alert rule's alerts that fire; nothing when silent."""
    labels = {"alertname": alert.name, "alertstate": "firing", **alert.labels}
    inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"count(ALERTS{{{inside}}})"


def alert_of(expr: str) -> frozenset[tuple[str, str]] | None:
    """Return the labels of the alert rule that such PromQL counts; None if it counts none."""
    labels = dict(re.findall(r'(\w+)="([^"]*)"', expr)) if expr.startswith("count(ALERTS{") else {}
    if labels.pop("alertstate", None) != "firing":
        return None
    return frozenset(labels.items())


def _case(alert: Alert, proof: Proof) -> dict[str, Any]:
    return {
        "name": f"{alert.name} {'fires' if proof.fires else 'is silent'}: {proof.claim}",
        "interval": str(proof.step),
        "input_series": [{"series": s.selector, "values": s.values} for s in proof.series],
        "promql_expr_test": [
            {
                "expr": firing(alert),
                "eval_time": str(proof.at),
                "exp_samples": [{"labels": "{}", "value": proof.fires}] if proof.fires else [],
            }
        ],
    }
