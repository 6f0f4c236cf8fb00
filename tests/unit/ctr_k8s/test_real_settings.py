"""Every variable, flag and name in the manifests is one that our commands know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from ctr_export.commands.tensorrt import tensorrt
from ctr_k8s.policy.gateway import LIVENESS, MAX_DEADLINE_S, READINESS
from ctr_k8s.policy.verdict import workloads
from ctr_monitor.cli import main as monitor
from ctr_service.server import health, servicer
from ctr_service.settings import Settings, load_settings, unknown_variables
from ctr_service.settings.otel import read_otel
from ctr_service.telemetry import names
from tests.support.k8s_renderings import renderings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctr_k8s.policy.workload import Workload

OUTSIDE = "10.0.0.7"
"""Stands for what comes from the pod's status."""
FROM_SECRETS = {"CTR_REDIS_URL": "rediss://user:secret@redis.internal:6379/0"}


def gateways() -> Iterator[tuple[str, Workload]]:
    """Yield every rendered gateway with its combination's name."""
    for combination, documents in renderings().items():
        for workload in workloads(documents):
            if workload.is_gateway:
                yield combination, workload


def commands(first: str) -> Iterator[list[str]]:
    """Yield every rendered command line that begins with a word."""
    for documents in renderings().values():
        for workload in workloads(documents):
            for container in workload.all_containers:
                line = [*(container.get("command") or ()), *(container.get("args") or ())]
                if line[:1] == [first]:
                    yield line


@pytest.mark.parametrize("combination", sorted(renderings()))
def test_settings_of_gateways_are_real_and_valid(
    combination: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ctr-service` takes each variable, by its name and with its value, and they go together."""
    for where, workload in gateways():
        if where != combination:
            continue
        variables: Mapping[str, str] = {
            name: FROM_SECRETS.get(name, OUTSIDE) if value is None else value
            for name, value in workload.environment().items()
        }
        assert all(name.startswith(("CTR_", "OTEL_")) for name in variables)
        with monkeypatch.context() as patched:
            for name, value in variables.items():
                patched.setenv(name, value)
            settings = load_settings({})
            assert unknown_variables() == ()
            endpoint = variables.get("OTEL_EXPORTER_OTLP_ENDPOINT")
            assert (read_otel().protocol is not None) == (endpoint is not None)
        assert str(settings.bundle) == variables["CTR_BUNDLE"]
        assert settings.port == int(variables["CTR_PORT"])


def test_a_misspelt_setting_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test before this one can fail."""
    monkeypatch.setenv("CTR_BUNDLE", "/model/bundle")
    monkeypatch.setenv("CTR_DRAIN_DELAY", "30")
    assert unknown_variables() == ("CTR_DRAIN_DELAY",)


def test_probes_ask_services_that_are_there() -> None:
    """Names of health services, and defaults that the arithmetic assumes, are the gateway's own."""
    assert (READINESS, LIVENESS) == (servicer.SERVICE_NAME, health.LIVENESS)
    assert Settings.model_fields["max_deadline_s"].default == MAX_DEADLINE_S


def test_autoscalers_ask_for_metrics_that_are_there() -> None:
    """The metric of the queue is in the catalogue of telemetry, and told in tokens."""
    asked = {
        metric["pods"]["metric"]["name"]
        for documents in renderings().values()
        for one in documents
        if one["kind"] == "HorizontalPodAutoscaler"
        for metric in one["spec"]["metrics"]
        if metric["type"] == "Pods"
    }
    queries = {
        trigger["metadata"]["query"]
        for documents in renderings().values()
        for one in documents
        if one["kind"] == "ScaledObject"
        for trigger in one["spec"]["triggers"]
        if trigger["type"] == "prometheus"
    }
    catalogue = {value for value in vars(names).values() if isinstance(value, str)}
    assert asked == {"ctr_queued_tokens"}
    assert "ctr_queued_tokens" in catalogue or any(
        getattr(value, "name", None) == "ctr_queued_tokens" for value in vars(names).values()
    )
    assert queries
    assert all("ctr_queued_tokens{" in query for query in queries)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("ctr-export", "tensorrt"), tensorrt),
        (("ctr-monitor", "serve"), monitor.get_command(click.Context(monitor), "serve")),
    ],
)
def test_flags_of_other_commands_are_real(words: tuple[str, ...], command: click.Command) -> None:
    """Click parses each rendered command line of the exporter and the monitor."""
    lines = {tuple(line) for line in commands(words[0])}
    assert lines
    for line in lines:
        assert line[: len(words)] == words
        unparsed = command.make_parser(click.Context(command)).parse_args(list(line[len(words) :]))
        assert not unparsed[1][1:]
