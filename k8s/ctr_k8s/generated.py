"""What manifests hold of k8s/alerts, as kustomize reads no file outside a component's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ctr_k8s.errors import ManifestError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "# Generated from {source} by `make alerts`. Edits are lost.\n"
RULES, OBJECTIVES = "prometheus/rules.yaml", "monitor/slo.yaml"


class _Block(str):
    """Text that YAML shall hold as a block, as PromQL is read by people."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(
    _Block,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"),
)


def texts(alerts: Path) -> dict[str, str]:
    """Return each generated file's text by its path below k8s/components.

    Args:
        alerts: the folder k8s/alerts.

    Raises:
        ManifestError: the rules are not there.
    """
    files = sorted((alerts / "generated" / "rules").glob("*.yaml"))
    if not files:
        raise ManifestError(f"{alerts}/generated/rules is empty: run `ctr-alerts generate`")
    groups = [
        _readable(group)
        for file in files
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    ]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "ctr-service"},
        "spec": {"groups": groups},
    }
    head = HEAD.format(source="k8s/alerts/generated/rules")
    slo = (alerts / "slo.yaml").read_text(encoding="utf-8")
    return {
        RULES: head + yaml.dump(rule, Dumper=_Dumper, sort_keys=False, width=100),
        OBJECTIVES: HEAD.format(source="k8s/alerts/slo.yaml") + slo,
    }


def write(alerts: Path, components: Path) -> tuple[Path, ...]:
    """Write what differs, and return its paths."""
    changed = tuple(drift(alerts, components))
    for name in changed:
        target = components / name
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_suffix(".new")
        aside.write_text(texts(alerts)[name], encoding="utf-8")
        aside.replace(target)
    return tuple(components / name for name in changed)


def drift(alerts: Path, components: Path) -> tuple[str, ...]:
    """Return the files that differ from what they are made of."""
    return tuple(
        name
        for name, text in texts(alerts).items()
        if not (components / name).is_file()
        or (components / name).read_text(encoding="utf-8") != text
    )


def _readable(group: dict[str, Any]) -> dict[str, Any]:
    rules = [
        {key: _Block(value) if "\n" in str(value) else value for key, value in rule.items()}
        if "expr" in rule
        else rule
        for rule in group["rules"]
    ]
    return {**group, "rules": rules}
