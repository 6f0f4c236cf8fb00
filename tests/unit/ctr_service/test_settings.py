"""Settings: one order of precedence, and a sentence for each mistake."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from ctr_service.commands.settings_options import settings_from, settings_options
from ctr_service.errors import SettingsError
from ctr_service.settings import Settings, load_settings, unknown_variables

BUNDLE = {"bundle": "b"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CTR_")]:
        monkeypatch.delenv(name)


def toml(folder: Path, text: str) -> Path:
    """A settings file."""
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def test_a_flag_beats_a_variable_beats_a_file_beats_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each source hides the ones below it, field by field."""
    path = toml(tmp_path, "port = 1\ngrace_s = 1.0\nsessions = 1\n")
    monkeypatch.setenv("CTR_PORT", "2")
    monkeypatch.setenv("CTR_GRACE_S", "2")
    settings = load_settings({**BUNDLE, "port": 3}, path)
    assert (settings.port, settings.grace_s, settings.sessions, settings.threads) == (3, 2.0, 1, 0)


def test_the_file_may_be_named_by_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CTR_CONFIG names the file when --config does not."""
    monkeypatch.setenv("CTR_CONFIG", str(toml(tmp_path, 'bundle = "from-file"\n')))
    assert load_settings({}).bundle == Path("from-file")


def test_the_defaults_are_valid_and_frozen() -> None:
    """Only the bundle has no default, and nothing changes after loading."""
    settings = load_settings(BUNDLE)
    assert (settings.host, settings.port, settings.metrics_port) == ("127.0.0.1", 8500, 8501)
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]  # -- the claim is that it is refused


@pytest.mark.parametrize(
    ("flags", "variables", "file", "parts"),
    [
        ({}, {}, "", ["--bundle", "CTR_BUNDLE", "required"]),
        ({"port": 70_000}, {}, "", ["--port", "65535"]),
        ({}, {"CTR_PORT": "x"}, "", ["CTR_PORT", "integer"]),
        ({}, {}, "port = 'x'", ["port in", "gateway.toml", "integer"]),
        ({}, {}, "prot = 1", ["gateway.toml", "prot", "no setting"]),
        ({}, {}, "port = = 1", ["gateway.toml", "TOML"]),
        ({"max_deadline_s": 11}, {}, "", ["--max-deadline-s", "10"]),
        ({"max_deadline_s": 0.5}, {}, "", ["--default-deadline-s", "--max-deadline-s"]),
        ({"reserve_s": 1.0}, {}, "", ["--reserve-s", "--default-deadline-s"]),
        ({"drain_delay_s": float("nan")}, {}, "", ["--drain-delay-s"]),
        ({"max_message_bytes": 8 << 20}, {}, "", ["--max-message-bytes", "4194304"]),
        ({"tls_certificate": "c"}, {}, "", ["--tls-certificate", "--tls-private-key", "both"]),
        ({"tls_client_ca": "c"}, {}, "", ["--tls-client-ca", "--tls-certificate"]),
    ],
)
def test_a_mistake_is_a_sentence_that_names_its_source(
    flags: dict[str, object],
    variables: dict[str, str],
    file: str,
    parts: list[str],
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error names the flag, the variable or the file's key, and the bound."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    given = flags if "required" in parts else {**BUNDLE, **flags}
    with pytest.raises(SettingsError) as caught:
        load_settings(given, toml(tmp_path, file))
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    """A settings file that is not there is an error, not an empty file."""
    with pytest.raises(SettingsError, match="does not exist"):
        load_settings(BUNDLE, tmp_path / "none.toml")


def test_misspelt_variables_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CTR_ variable that no field reads is reported; a known one and CTR_CONFIG are not."""
    monkeypatch.setenv("CTR_PROT", "1")
    monkeypatch.setenv("CTR_PORT", "1")
    monkeypatch.setenv("CTR_CONFIG", "x")
    assert unknown_variables() == ("CTR_PROT",)


def test_every_field_is_documented() -> None:
    """Each field says what it is, and so does its flag's help."""
    assert all(field.description for field in Settings.model_fields.values())


def test_every_field_is_a_flag() -> None:
    """The command line offers every field, and a flag not given hides nothing."""
    seen: list[Settings] = []

    @click.command()
    @settings_options
    def command(config: Path | None, **flags: object) -> None:
        seen.append(settings_from(config, flags))

    runner = CliRunner()
    arguments = ["--bundle", "b", "--no-metrics", "--log-format", "json", "--port", "7"]
    result = runner.invoke(command, arguments, env={"CTR_SESSIONS": "3"})
    assert result.exit_code == 0, result.output
    (settings,) = seen
    assert (settings.metrics, settings.log_format, settings.port) == (False, "json", 7)
    assert (settings.sessions, settings.reflection) == (3, True)
    text = runner.invoke(command, ["--help"]).output
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in text
        assert f"CTR_{name.upper()}" in text.replace("\n", " ")


@pytest.mark.parametrize("source", ["flag", "variable", "file"])
def test_a_secret_is_in_no_sentence(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis URL of a wrong type or beside another mistake is never repeated."""
    flags: dict[str, object] = {**BUNDLE, "port": 70_000}
    if source == "flag":
        flags["redis_url"] = ["canary"]
    elif source == "variable":
        monkeypatch.setenv("CTR_REDIS_URL", "redis://:canary@h")
    path = toml(tmp_path, "redis_url = ['canary']" if source == "file" else "")
    with pytest.raises(SettingsError) as caught:
        load_settings(flags, path)
    assert "canary" not in str(caught.value)
    settings = load_settings({**BUNDLE, "redis_url": "redis://:canary@h"})
    assert "canary" not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        ({"redis_features": True}, "--redis-features needs --redis-url"),
        ({"redis_ca_file": "x"}, "no --redis-url"),
        ({"redis_url": "redis://h", "redis_cert_file": "x"}, "come together"),
        (
            {"redis_url": "redis://h", "redis_features": True, "feature_store": "x"},
            "two stores",
        ),
    ],
)
def test_settings_of_redis_agree(flags: dict[str, object], part: str) -> None:
    """Settings that contradict one another are a sentence."""
    with pytest.raises(SettingsError, match=part):
        load_settings({**BUNDLE, **flags})


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"triton_tls": True}, "--triton-tls needs --triton"),
        ({"triton": "t:1", "precision": "fp32"}, "with --triton its model decides"),
        ({"triton": "t:1", "sessions": 2}, "--triton-slots"),
        ({"triton": "t:1", "triton_ca_file": "ca.pem"}, "no --triton-tls"),
        (
            {"triton": "t:1", "triton_tls": True, "triton_key_file": "key.pem"},
            "--triton-cert-file and --triton-key-file come together",
        ),
    ],
)
def test_settings_of_triton_that_do_not_fit_together_are_a_sentence(
    flags: dict[str, object], says: str
) -> None:
    """Each says which flag is missing or in the way."""
    with pytest.raises(SettingsError, match=says):
        load_settings({**BUNDLE, **flags})
