"""The generated rules and routes, judged by Prometheus' and Alertmanager's own tools."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.alerting_tools import GENERATED, require_alerting

if TYPE_CHECKING:
    from pathlib import Path

TEST_FILES = sorted(path.name for path in (GENERATED / "tests").glob("*_test.yaml"))
AT_ONCE = 2


def _run(*command: str, cwd: Path = GENERATED) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, subprocess.CompletedProcess[str]]:
    """Of every test file: promtool takes seconds for each, so two run at once."""
    require_alerting("promtool")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = pool.map(lambda name: _run("promtool", "test", "rules", f"tests/{name}"), TEST_FILES)
        return dict(zip(TEST_FILES, runs, strict=True))


@pytest.mark.parametrize("name", TEST_FILES)
def test_alerts_fire_and_keep_silent_as_their_proofs_say(
    name: str, outcomes: dict[str, subprocess.CompletedProcess[str]]
) -> None:
    """Promtool evaluates every rule over the made-up series, a healthy hour among them."""
    outcome = outcomes[name]
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_prometheus_accepts_the_rules() -> None:
    """Expressions, templates and durations are sound."""
    require_alerting("promtool")
    rules = sorted(str(path) for path in (GENERATED / "rules").glob("*.yaml"))
    outcome = _run("promtool", "check", "rules", *rules)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


WRONGS = {
    "a limit out of reach": ("signals_every_1m", '{job="ctr-service"} > 0.8', " > 1.8"),
    "a case left out": (
        "signals_every_1m",
        'or absent(ctr_serving{job="ctr-service"} == 1)',
        "",
    ),
    "a breaker that only flickers": (
        "signals_every_1m",
        "min_over_time(ctr_remote_breaker_state",
        "max_over_time(ctr_remote_breaker_state",
    ),
    "no short window": (
        "burn_page_1h_every_5m",
        'and ctr_slo:burn_rate:5m{slo="availability"} > 14.4',
        "",
    ),
    "a shed call counts as an error": (
        "burn_page_1h_every_5m",
        ',rpc_status_code!="RESOURCE_EXHAUSTED",status_code="STATUS_CODE_ERROR"',
        ',rpc_status_code!="OK"',
    ),
}


@pytest.mark.parametrize("what", WRONGS)
def test_a_wrong_rule_fails_its_proofs(what: str, tmp_path: Path) -> None:
    """The proofs notice what a slip of the pen would do to a rule."""
    require_alerting("promtool")
    test, right, wrong = WRONGS[what]
    shutil.copytree(GENERATED, tmp_path / "generated")
    rules = tmp_path / "generated/rules" / f"{test.partition('_every_')[0]}.yaml"
    text = rules.read_text()
    assert right in text
    rules.write_text(text.replace(right, wrong))
    proofs = f"tests/{test}_test.yaml"
    outcome = _run("promtool", "test", "rules", proofs, cwd=tmp_path / "generated")
    assert outcome.returncode == 1, outcome.stdout


def test_alertmanager_accepts_its_configuration() -> None:
    """Routes, receivers and inhibitions are sound."""
    require_alerting("amtool")
    outcome = _run("amtool", "check-config", "alertmanager.yaml")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("severity", ["page", "ticket"])
def test_each_severity_reaches_its_receiver(severity: str) -> None:
    """Pages and tickets go their own ways."""
    require_alerting("amtool")
    outcome = _run(
        *("amtool", "config", "routes", "test", "--config.file=alertmanager.yaml"),
        *("alertname=CtrLatencyBurn", f"severity={severity}"),
    )
    assert outcome.stdout.strip() == severity, outcome.stderr
