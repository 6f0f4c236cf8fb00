"""What the environment says to every OpenTelemetry SDK."""

from __future__ import annotations

import pytest

from ctr_service.errors import SettingsError
from ctr_service.settings.otel import read_otel

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_SERVICE_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "protocol"),
    [
        ({}, None),
        (ENDPOINT, "grpc"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, "grpc"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http/protobuf"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, "http/protobuf"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "grpc"),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
    ],
)
def test_spans_are_sent_where_somebody_asks_for_it(
    variables: dict[str, str], protocol: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint or an exporter asks for it; nothing, and `none`, do not."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert read_otel().protocol == protocol


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "ctr-service"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a=b, service.name=rank%20er"}, "rank er"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=x", "OTEL_SERVICE_NAME": "y"}, "y"),
    ],
)
def test_the_services_name_is_the_sdks(
    variables: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Span metrics bear the name that spans bear."""
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert read_otel().name == name


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
    ],
)
def test_a_wrong_variable_is_a_sentence(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the variable, what it must be, and what it is."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable} must be .*{value}"):
        read_otel()
