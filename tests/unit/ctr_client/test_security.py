"""The client's TLS and tokens: what is refused before a byte is sent, and what is never told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from click.testing import CliRunner

from ctr_client.aio_client import AsyncPredictionClient
from ctr_client.cli import main
from ctr_client.client import PredictionClient
from ctr_client.errors import AccessError, OverloadedError, error_of
from ctr_client.options import ClientOptions
from ctr_client.security import Security, SecurityError, Tls, TokenFile
from ctr_service.errors import CallerLimitError, PermissionDeniedError, UnauthenticatedError
from ctr_service.server.status import refusal_of
from tests.support.certificates import Authority

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "ctr_canary"
TOKEN = Security(token=lambda: CANARY)


@pytest.mark.parametrize(
    "target", ["127.0.0.1:8500", "localhost:1", "[::1]:8500", "unix:/run/ctr", "dns:///localhost:1"]
)
def test_a_token_may_stay_on_this_machine(target: str) -> None:
    """Loopback needs no TLS."""
    TOKEN.check(target)


@pytest.mark.parametrize(
    "target", ["10.0.0.7:8500", "dns:///ctr.search:8500", "localhost.example:1", "127.0.0.1.nip.io"]
)
def test_a_token_never_crosses_a_network_in_clear_unasked(target: str) -> None:
    """TLS or an explicit wish lets it out; nothing else does."""
    for make in (PredictionClient, AsyncPredictionClient):
        with pytest.raises(SecurityError, match="--tls") as caught:
            make(target, security=TOKEN)
        assert CANARY not in str(caught.value)
    Security(Tls(), TOKEN.token).check(target)
    Security(token=TOKEN.token, token_in_clear=True).check(target)
    Security().check(target)


def test_the_token_is_a_header_and_in_no_repr() -> None:
    """What is sent, and what a log of the object would show."""
    assert TOKEN.metadata() == (("authorization", f"Bearer {CANARY}"),)
    assert Security().metadata() is None
    assert "token=" not in repr(TOKEN)


def test_a_token_file_is_followed(tmp_path: Path) -> None:
    """A rotation needs no restart; while the file is gone or wrong the last token stands."""
    path = tmp_path / "token"
    path.write_text(f" {CANARY}\n")
    token = TokenFile(path)
    assert token() == CANARY
    path.write_text("ctr_next")
    assert token() == "ctr_next"
    for spoil in (path.unlink, lambda: path.write_text("")):
        spoil()
        assert token() == "ctr_next"
    path.write_text("ctr_last")
    assert token() == "ctr_last"


@pytest.mark.parametrize("content", ["", "\n", f"{CANARY} {CANARY}", f"{CANARY}\n{CANARY}", "é"])
def test_a_wrong_token_is_a_sentence_without_it(tmp_path: Path, content: str) -> None:
    """Whether from a file or a variable."""
    path = tmp_path / "token"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SecurityError) as caught:
        TokenFile(path)
    assert str(path) in str(caught.value)
    by_variable = CliRunner().invoke(main, ["model", "--token-env", "A"], env={"A": content})
    assert by_variable.exit_code == 1
    assert "the variable A" in by_variable.stderr
    assert CANARY not in f"{caught.value}{by_variable.output}"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--token-file", "none"), "none cannot be read"),
        (("--tls-ca", "none"), "none cannot be read"),
        (("--tls-certificate", "none"), "come together"),
        (("--token-file", "a", "--token-env", "B"), "give one"),
    ],
)
def test_wrong_options_are_a_sentence(arguments: tuple[str, ...], part: str) -> None:
    """No traceback, and what to do."""
    result = CliRunner().invoke(main, ["model", *arguments])
    assert result.exit_code in {1, 2}
    assert part in result.stderr
    assert "Traceback" not in result.output


def test_help_shows_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no option that takes a token itself, and help reads no variable."""
    monkeypatch.setenv("CTR_TOKEN", CANARY)
    for command in ("score", "model", "health"):
        text = CliRunner().invoke(main, [command, "--help"]).output
        assert "--token-file" in text
        assert "--token " not in text
        assert CANARY not in text


def test_a_servers_name_may_differ_from_its_target(tmp_path: Path) -> None:
    """The name in the certificate is an option of the channel."""
    authority = Authority(tmp_path)
    tls = Tls(authority.ca, server_name="ctr.search")
    assert tls.options() == [("grpc.ssl_target_name_override", "ctr.search")]
    assert isinstance(tls.credentials(), grpc.ChannelCredentials)
    assert Tls().options() == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UnauthenticatedError("m"), AccessError),
        (PermissionDeniedError("m"), AccessError),
        (CallerLimitError("m", retry_after_ns=5), OverloadedError),
    ],
)
def test_refusals_have_their_own_types(error: Exception, kind: type[Exception]) -> None:
    """A caller can tell a missing token from a spent limit."""
    refusal = refusal_of(error)
    found = error_of(refusal.code, refusal.message, refusal.trailing_metadata)
    assert type(found) is kind
    assert found.reason == refusal.reason.name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grpc.max_send_message_length", 4 << 20),
        ("grpc.max_receive_message_length", 4 << 20),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.default_compression_algorithm", 0),
        ("grpc.enable_retries", 1),
    ],
)
def test_each_channel_option_is_set_on_purpose(name: str, value: int) -> None:
    """The table in `options.py` is what the channel gets."""
    assert dict(ClientOptions().channel_options())[name] == value
