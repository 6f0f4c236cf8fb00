"""Tokens and certificates are rotated by the runbook, in running pods, without a refused call."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from ctr_client.client import PredictionClient
from ctr_client.errors import AccessError
from ctr_client.options import ClientOptions
from ctr_client.security import Security, Tls
from ctr_rehearsal.runbook import read_blocks
from tests.support.certificates import Authority
from tests.support.rehearsal import OVERLAYS, RUNBOOK, rehearsing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_rehearsal.world import World
    from tests.support.certificates import Pem

pytestmark = pytest.mark.rehearsal
CALLER = "search"


class Guarded:
    """A cluster whose gateway asks for TLS and a token, and what an operator keeps of both."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder / "authority")
        self.ca = authority.ca
        self.first, self.second = (authority.issue(name) for name in ("first", "second"))
        self.tokens = folder / "tokens.toml"
        self.token_files = (folder / "token-1", folder / "token-2")

    def prepare(self, world: World) -> None:
        """Make the first token and both Secrets, as at the first installation."""
        make = "kubectl create secret"
        apply = "--dry-run=client --output=yaml | kubectl apply --filename=-"
        world.must(
            f"ctr-service token new {CALLER} --file {self.tokens} > {self.token_files[0]}\n"
            f"{make} generic ctr-tokens --from-file=tokens.toml={self.tokens} {apply}\n"
            f"{make} tls ctr-service-tls --cert={self.first.certificate} "
            f"--key={self.first.private_key} {apply}"
        )

    def run_block(self, world: World, title: str, number: int, pem: Pem | None = None) -> None:
        """Run one block of the runbook."""
        blocks = [b for b in read_blocks(RUNBOOK.read_text()) if b.section == title]
        variables = {
            "CALLER": CALLER,
            "TOKENS": str(self.tokens),
            "TOKEN_FILE": str(self.token_files[1]),
            "CERTIFICATE": str(pem.certificate) if pem else "",
            "KEY": str(pem.private_key) if pem else "",
        }
        world.must(blocks[number].text, variables=variables)

    def let_in(self, world: World, which: int) -> bool:
        """Say whether the pod takes a token, over a connection of its own."""
        token = self.token_files[which].read_text().strip()
        security = Security(tls=Tls(ca=self.ca), token=lambda: token)
        options = ClientOptions(own_connection=True)
        with PredictionClient(f"127.0.0.1:{port(world)}", options, security=security) as client:
            try:
                client.get_model(deadline_s=5.0)
            except AccessError:
                return False
            return True


def port(world: World) -> int:
    """Where the only pod listens."""
    [pod] = world.pods()
    return world.cluster.facts.ports[pod["metadata"]["uid"]][8500]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Guarded]]:
    """A cluster with overlay access rolled out."""
    folder = tmp_path_factory.mktemp("rotating")
    kept = Guarded(folder)
    with rehearsing(folder, OVERLAYS / "access", before=kept.prepare) as world:
        yield world, kept


def test_tokens_rotate(guarded: tuple[World, Guarded]) -> None:
    """The new token is let in beside the old one, then alone; no pod restarts."""
    world, kept = guarded
    assert kept.let_in(world, 0)
    kept.run_block(world, "Rotate tokens", 0)
    world.wait_until(lambda: kept.let_in(world, 1), "the new token is let in")
    assert kept.let_in(world, 0)
    lines = kept.tokens.read_text().split("[[token]]")
    kept.tokens.write_text("[[token]]".join((lines[0], *lines[2:])))
    kept.run_block(world, "Rotate tokens", 1)
    world.wait_until(lambda: not kept.let_in(world, 0), "the old token is refused")
    assert kept.let_in(world, 1)
    assert _restarts(world) == 0


def test_certificates_rotate(guarded: tuple[World, Guarded]) -> None:
    """A new connection gets the new certificate; one by the old Secret is never refused."""
    world, kept = guarded
    assert _presented(world) == _der(kept.first)
    kept.run_block(world, "Rotate certificates", 0, kept.second)
    world.wait_until(
        lambda: _presented(world) == _der(kept.second), "a connection gets the new certificate"
    )
    assert _restarts(world) == 0


def _presented(world: World) -> bytes:
    """The certificate that a new connection gets."""
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port(world))))


def _der(pem: Pem) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.certificate.read_text())


def _restarts(world: World) -> int:
    [pod] = world.pods()
    return sum(one["restartCount"] for one in pod["status"]["containerStatuses"])
