"""What the manifests hold of the alerts."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from ctr_k8s.errors import ManifestError
from ctr_k8s.generated import OBJECTIVES, RULES, drift, texts, write
from tests.support.k8s_renderings import MANIFESTS

if TYPE_CHECKING:
    from pathlib import Path

ALERTS = MANIFESTS / "alerts"


def test_committed_copies_are_what_they_are_made_of() -> None:
    """Rules and objectives in the components are those of k8s/alerts."""
    assert drift(ALERTS, MANIFESTS / "components") == ()


def test_the_rule_object_holds_every_group_unchanged() -> None:
    """Each group of each rules file is in the PrometheusRule, expressions to the letter."""
    groups = yaml.safe_load(texts(ALERTS)[RULES])["spec"]["groups"]
    files = sorted((ALERTS / "generated" / "rules").glob("*.yaml"))
    assert groups == [
        group for file in files for group in yaml.safe_load(file.read_text())["groups"]
    ]
    assert yaml.safe_load(texts(ALERTS)[OBJECTIVES]) == yaml.safe_load(
        (ALERTS / "slo.yaml").read_text()
    )


def test_an_edit_is_drift_and_is_written_back(tmp_path: Path) -> None:
    """What differs is named, written once, and is no drift any more."""
    shutil.copytree(MANIFESTS / "components" / "prometheus", tmp_path / "prometheus")
    edited = tmp_path / RULES
    edited.write_text(edited.read_text() + "# by hand\n")
    assert drift(ALERTS, tmp_path) == (RULES, OBJECTIVES)
    assert write(ALERTS, tmp_path) == (tmp_path / RULES, tmp_path / OBJECTIVES)
    assert write(ALERTS, tmp_path) == ()


def test_missing_rules_are_a_sentence(tmp_path: Path) -> None:
    """Without rules nothing is written, and the message says what makes them."""
    with pytest.raises(ManifestError, match="ctr-alerts generate"):
        texts(tmp_path)
