"""Certificates from files: what is refused, what is read again, and what stays in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from structlog.testing import CapturingLogger

from ctr_client.security import Tls
from ctr_service.errors import SettingsError
from ctr_service.server.listen import listen
from ctr_service.server.tls import Certificates, TlsFiles, server_credentials
from tests.support.certificates import Authority, put

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority of its own for each test."""
    return Authority(tmp_path / "ours")


@pytest.fixture
def files(authority: Authority) -> TlsFiles:
    """A server's files."""
    pem = authority.issue("server")
    return TlsFiles(pem.certificate, pem.private_key, pem.ca)


def broken(files: TlsFiles, case: str, folder: Path) -> TlsFiles:
    """The same files with one fault."""
    absent, text = folder / "absent.pem", folder / "text.pem"
    text.write_text("canary-secret")
    foreign = Authority(folder / "foreign").issue("server")
    locked = folder / "locked.key"
    key = serialization.load_pem_private_key(files.private_key.read_bytes(), None)
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    return {
        "absent certificate": TlsFiles(absent, files.private_key),
        "absent key": TlsFiles(files.certificate, absent),
        "absent ca": TlsFiles(files.certificate, files.private_key, absent),
        "no certificate": TlsFiles(text, files.private_key),
        "no key": TlsFiles(files.certificate, text),
        "no ca": TlsFiles(files.certificate, files.private_key, text),
        "another's key": TlsFiles(files.certificate, foreign.private_key),
        "a key with a password": TlsFiles(files.certificate, locked),
    }[case]


@pytest.mark.parametrize(
    ("case", "part"),
    [
        ("absent certificate", "--tls-certificate"),
        ("absent key", "--tls-private-key"),
        ("absent ca", "--tls-client-ca"),
        ("no certificate", "do not fit together"),
        ("no key", "do not fit together"),
        ("no ca", "--tls-client-ca"),
        ("another's key", "do not fit together"),
        ("a key with a password", "without a password"),
    ],
)
def test_a_wrong_file_is_a_sentence_at_the_start(
    files: TlsFiles, tmp_path: Path, case: str, part: str
) -> None:
    """The sentence names the flag; nothing of a file's content is told, and nobody is prompted."""
    with pytest.raises(SettingsError) as caught:
        Certificates(broken(files, case, tmp_path), CapturingLogger())
    assert part in str(caught.value)
    assert "canary" not in str(caught.value)


def test_files_that_stay_are_not_read_again(files: TlsFiles) -> None:
    """Without a change gRPC is told to go on."""
    log = CapturingLogger()
    assert Certificates(files, log).fetch() is None
    assert log.calls == []


def test_a_rotation_is_taken_once(authority: Authority, files: TlsFiles) -> None:
    """The next handshake after a change gets the new certificate, the one after that no news."""
    log = CapturingLogger()
    certificates = Certificates(files, log)
    put(authority.issue("next"), files)
    assert certificates.fetch() is not None
    assert certificates.fetch() is None
    assert [call.args for call in log.calls] == [("tls_reloaded",)]


def test_half_a_rotation_keeps_the_old_certificate_until_it_is_whole(
    authority: Authority, files: TlsFiles
) -> None:
    """A new key beside the old certificate is told once; the whole pair is taken."""
    log = CapturingLogger()
    certificates = Certificates(files, log)
    fresh = authority.issue("next")
    files.private_key.write_bytes(fresh.private_key.read_bytes())
    assert certificates.fetch() is None
    assert certificates.fetch() is None
    assert [call.method_name for call in log.calls] == ["error"]
    files.certificate.write_bytes(fresh.certificate.read_bytes())
    assert certificates.fetch() is not None


def test_files_that_change_while_they_are_read_are_read_again(files: TlsFiles) -> None:
    """What was read in between is not used; the next connection reads it whole."""
    numbers = iter([0, 1, 2, 2, 2])  # at the start; then each fetch looks before and after
    certificates = Certificates(files, CapturingLogger(), lambda _: ((next(numbers), 0, 0),))
    assert certificates.fetch() is None
    assert certificates.fetch() is not None


async def handshake(port: int, authority: Authority) -> grpc.StatusCode:
    """Call nothing over TLS; UNIMPLEMENTED says that the handshake went well."""
    credentials = Tls(authority.ca).credentials()
    async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/none/None", None, None)(b"", timeout=10)
        return caught.value.code()


async def test_a_running_server_rotates_without_a_restart(
    authority: Authority, files: TlsFiles, tmp_path: Path
) -> None:
    """Real handshakes: the old authority's clients before the rotation, the new one's after it."""
    log = CapturingLogger()
    server = grpc.aio.server()
    plain = TlsFiles(files.certificate, files.private_key)
    port = listen(server, "127.0.0.1", 0, server_credentials(plain, log))
    await server.start()
    foreign = Authority(tmp_path / "foreign")
    assert await handshake(port, authority) is grpc.StatusCode.UNIMPLEMENTED
    assert await handshake(port, foreign) is grpc.StatusCode.UNAVAILABLE
    put(foreign.issue("next"), files)
    assert await handshake(port, foreign) is grpc.StatusCode.UNIMPLEMENTED
    assert await handshake(port, authority) is grpc.StatusCode.UNAVAILABLE
    files.certificate.write_text("half")
    assert await handshake(port, foreign) is grpc.StatusCode.UNIMPLEMENTED
    await server.stop(None)
