"""Recording and alerting rules as Prometheus reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_alerts.duration import Duration
    from ctr_alerts.windows import Severity

RUNBOOKS = "k8s/runbooks"
"""Where runbooks lie, in the repository; each is named as its alert."""


@dataclass(frozen=True, slots=True)
class Record:
    """A series that Prometheus computes.

    Attributes:
        name: level:metric:operation.
        expr: PromQL.
        labels: put on every sample.
    """

    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_rule(self) -> dict[str, Any]:
        """Return it as it stands in a rule file."""
        rule: dict[str, Any] = {"record": self.name, "expr": self.expr}
        return {**rule, "labels": dict(self.labels)} if self.labels else rule


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that somebody shall hear of.

    Attributes:
        name: of the alert and its runbook.
        severity: page or ticket.
        about: `slo` or `signal` and what, and whatever tells rules of one name apart.
        expr: PromQL; each sample of its result is an alert.
        lasts: how long it must hold first; None fires at once.
        summary: one line, no values that change.
        description: a sentence or two, with values.
    """

    name: str
    severity: Severity
    about: Mapping[str, str]
    expr: str
    lasts: Duration | None
    summary: str
    description: str

    @property
    def labels(self) -> dict[str, str]:
        """What the rule puts on its alerts."""
        return {"severity": self.severity, **self.about}

    def as_rule(self) -> dict[str, Any]:
        """Return it as it stands in a rule file."""
        rule: dict[str, Any] = {"alert": self.name, "expr": self.expr}
        if self.lasts is not None:
            rule["for"] = str(self.lasts)
        return {
            **rule,
            "labels": self.labels,
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook": f"{RUNBOOKS}/{self.name}.md",
            },
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated together, in order."""

    name: str
    interval: Duration
    rules: tuple[Record | Alert, ...]

    def as_group(self) -> dict[str, Any]:
        """Return it as it stands in a rule file."""
        return {
            "name": self.name,
            "interval": str(self.interval),
            "rules": [rule.as_rule() for rule in self.rules],
        }
