"""A password in the settings is in nothing that the process says; reflection can be left out."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from ctr_client.client import PredictionClient
from ctr_client.messages import Item, search
from tests.support.gateway import ROOT, Gateway, running_gateway
from tests.support.redis_server import free_port
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "canary7391"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Holds the bundle; while it is there, CTR_REDIS_URL holds a password."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CTR_REDIS_URL", f"redis://user:{CANARY}@127.0.0.1:{free_port()}/0")
        made = tmp_path_factory.mktemp("secrets")
        make_tiny_bundle(made / "bundle")
        yield made


@pytest.fixture(scope="module")
def gateway(folder: Path) -> Iterator[Gateway]:
    """A gateway that logs everything it ever logs, and finds nobody at that address."""
    flags = ("--redis-features", "--no-reflection", "--log-level", "debug")
    with running_gateway(folder / "bundle", *flags) as running:
        yield running


def test_a_password_is_never_told_while_serving(gateway: Gateway) -> None:
    """Neither the log at any level nor a metric holds it, though Redis fails all the time."""
    with PredictionClient(gateway.target) as client:
        for number in range(5):
            answer = client.predict_clicks(search(f"mug {number}", [Item("a")]), deadline_s=9)
            assert len(answer.predictions) == 1
    assert gateway.event("redis_does_not_answer")
    assert CANARY not in gateway.everything_said
    assert CANARY not in gateway.metrics()


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--help"),
        ("check", "--bundle", "BUNDLE"),
        ("check", "--bundle", "absent"),
        ("check", "--bundle", "BUNDLE", "--redis-namespace", "not allowed"),
        ("features", "get", "a", "--bundle", "BUNDLE", "--redis-features"),
    ],
)
def test_a_password_is_in_no_help_and_no_sentence(folder: Path, arguments: tuple[str, ...]) -> None:
    """Whatever a command prints, good or bad, in text."""
    words = [word.replace("BUNDLE", str(folder / "bundle")) for word in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "ctr_service", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout + done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_reflection_can_be_left_out(gateway: Gateway) -> None:
    """`--no-reflection`: nobody reads the schema from this port."""
    with grpc.insecure_channel(gateway.target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        with pytest.raises(grpc.RpcError) as caught:
            database.get_services()
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
