"""Who may connect and call, against the real process: TLS, mutual TLS, tokens and their limits."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from click.testing import CliRunner
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tritonclient.utils import InferenceServerException

from ctr_client.aio_client import AsyncPredictionClient
from ctr_client.cli import main
from ctr_client.client import PredictionClient
from ctr_client.errors import AccessError, OverloadedError, UnavailableError
from ctr_client.messages import Item, search
from ctr_client.options import ClientOptions
from ctr_client.security import Security, Tls
from ctr_service.server.tokens_file import entry_of
from tests.support.certificates import Authority, Pem
from tests.support.gateway import Gateway, running_gateway
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from ctr.v1 import prediction_pb2 as pb

DEADLINE_S = 9.0
GOOD, NARROW, OFF, TIGHT, UNKNOWN = (
    f"ctr_canary-{name}" for name in ("good", "narrow", "off", "tight", "unknown")
)
OPEN = {
    ("grpc.health.v1.Health", "Check"),
    ("grpc.health.v1.Health", "Watch"),
    ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo"),
    ("inference.GRPCInferenceService", "ServerLive"),
    ("inference.GRPCInferenceService", "ServerReady"),
    ("inference.GRPCInferenceService", "ModelReady"),
}
TOKENS = (
    "[caller.narrow]\nmethods = ['GetModel']\n"
    "[caller.off]\ndisabled = true\n"
    "[caller.tight]\ntokens_per_second = 10\n"
    + entry_of("good", GOOD)
    + entry_of("narrow", NARROW)
    + entry_of("off", OFF)
    + entry_of("tight", TIGHT)
)


@dataclass(frozen=True, slots=True)
class World:
    """A gateway with mutual TLS and tokens, and what a caller needs."""

    gateway: Gateway
    caller: Pem
    foreign: Pem
    folder: Path

    def security(self, token: str | None = GOOD, **changes: Any) -> Security:  # noqa: ANN401 -- fields of Tls
        """What a good caller brings, with changes."""
        pem = self.caller
        tls = replace(Tls(pem.ca, pem.certificate, pem.private_key), **changes)
        source = None if token is None else lambda: token
        return Security(tls, source)

    def client(self, security: Security) -> PredictionClient:
        """A client that never retries."""
        return PredictionClient(
            self.gateway.target, ClientOptions(max_attempts=1), security=security
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One gateway for most tests of this file; it logs everything that it ever logs."""
    folder = tmp_path_factory.mktemp("access")
    ours, foreign = Authority(folder / "ours"), Authority(folder / "foreign")
    server = ours.issue("server")
    (folder / "tokens.toml").write_text(TOKENS)
    flags = (
        *("--tls-certificate", str(server.certificate)),
        *("--tls-private-key", str(server.private_key)),
        *("--tls-client-ca", str(ours.ca)),
        *("--tokens-file", str(folder / "tokens.toml")),
        *("--log-level", "debug"),
    )
    with running_gateway(make_tiny_bundle(folder / "bundle"), *flags) as gateway:
        yield World(gateway, ours.issue("caller"), foreign.issue("caller"), folder)


def a_search(pairs: int = 2) -> pb.PredictClicksRequest:
    """A list."""
    return search("mug", [Item(str(number), f"mug {number}") for number in range(pairs)])


def test_a_caller_with_certificate_and_token_is_served(world: World) -> None:
    """Mutual TLS, a good token: answers, and metrics under the caller's name."""
    with world.client(world.security()) as client:
        assert len(client.predict_clicks(a_search(), deadline_s=DEADLINE_S).predictions) == 2
        assert client.get_model(deadline_s=DEADLINE_S).name == "tiny"
    metrics = world.gateway.metrics()
    assert 'ctr_caller_calls_total{caller="good",code="OK"}' in metrics
    assert 'ctr_caller_tokens_total{caller="good"}' in metrics


@pytest.mark.parametrize("case", ["foreign server", "no certificate", "foreign certificate"])
def test_a_handshake_that_must_fail_fails(world: World, case: str) -> None:
    """A wrong authority on either side, or no certificate under mutual TLS: no call."""
    foreign = world.foreign
    security = {
        "foreign server": world.security(ca=foreign.ca),
        "no certificate": world.security(certificate=None, private_key=None),
        "foreign certificate": world.security(
            certificate=foreign.certificate, private_key=foreign.private_key
        ),
    }[case]
    with world.client(security) as client, pytest.raises(UnavailableError):
        client.get_model(deadline_s=DEADLINE_S)


def test_a_caller_without_tls_is_not_served(world: World) -> None:
    """A plain connection to a port with TLS ends before any call."""
    plain = Security(token=lambda: GOOD)
    with world.client(plain) as client, pytest.raises(UnavailableError):
        client.get_model(deadline_s=DEADLINE_S)


@pytest.mark.parametrize(
    ("token", "code", "reason"),
    [
        (None, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        (UNKNOWN, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        (OFF, "PERMISSION_DENIED", "PERMISSION_DENIED"),
        (NARROW, "PERMISSION_DENIED", "PERMISSION_DENIED"),
    ],
)
async def test_who_may_not_call_is_told_so(
    world: World, token: str | None, code: str, reason: str
) -> None:
    """The code, the reason and a sentence; health answers all of them."""
    async with AsyncPredictionClient(
        world.gateway.target, security=world.security(token)
    ) as client:
        with pytest.raises(AccessError) as caught:
            await client.predict_clicks(a_search(), deadline_s=DEADLINE_S)
        assert await client.health(deadline_s=DEADLINE_S) == "SERVING"
    assert (caught.value.code.name, caught.value.reason) == (code, reason)
    assert "canary" not in str(caught.value)


def _methods(channel: grpc.Channel) -> set[tuple[str, str]]:
    """Every (service, method) that the server has, by reflection."""
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    return {
        (service, method)
        for service in database.get_services()
        for method in pool.FindServiceByName(service).methods_by_name
    }


def test_nothing_but_health_and_reflection_answers_without_a_token(world: World) -> None:
    """Every method that exists refuses a nobody, or is on the list of the open ones."""
    credentials = world.security().tls.credentials()  # type: ignore[union-attr]  # -- it is set
    with grpc.secure_channel(world.gateway.target, credentials) as channel:
        found = _methods(channel)
        assert found >= OPEN
        codes: dict[tuple[str, str], str] = {}
        for service, method in found - OPEN:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                f"/{service}/{method}", None, None
            )
            with pytest.raises(grpc.RpcError) as caught:
                call(b"", timeout=DEADLINE_S)
            codes[service, method] = caught.value.code().name
    ours = {key for key, code in codes.items() if code != "UNIMPLEMENTED"}
    assert ("ctr.v1.PredictionService", "PredictClicks") in ours
    assert ("inference.GRPCInferenceService", "ModelInfer") in ours
    assert {codes[key] for key in ours} == {"UNAUTHENTICATED"}


def test_the_second_protocol_asks_for_the_same_token(world: World) -> None:
    """Tritonclient with its own TLS options and a header is served, without the header refused."""
    pem = world.caller
    query, title = (triton.InferInput(name, [1], "BYTES") for name in ("query", "title"))
    for tensor in (query, title):
        tensor.set_data_from_numpy(np.array([b"mug"], dtype=np.object_))
    with triton.InferenceServerClient(
        world.gateway.target,
        ssl=True,
        root_certificates=str(pem.ca),
        private_key=str(pem.private_key),
        certificate_chain=str(pem.certificate),
    ) as client:
        assert client.is_model_ready("tiny")
        with pytest.raises(InferenceServerException) as caught:
            client.infer("tiny", [query, title])
        headers = {"authorization": f"Bearer {GOOD}"}
        answer = client.infer("tiny", [query, title], headers=headers)
    assert caught.value.status() == "StatusCode.UNAUTHENTICATED"
    assert answer.as_numpy("click_probability").shape == (1,)


def test_a_spent_rate_answers_resource_exhausted_with_a_time(world: World) -> None:
    """The first list goes into debt; the next hears CALLER_LIMIT and when to come back."""
    with world.client(world.security(TIGHT)) as client:
        client.predict_clicks(a_search(50), deadline_s=DEADLINE_S)
        with pytest.raises(OverloadedError) as caught:
            client.predict_clicks(a_search(50), deadline_s=DEADLINE_S)
        client.get_model(deadline_s=DEADLINE_S)
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.reason == "CALLER_LIMIT"
    assert caught.value.details.metadata == {"field": "tokens_per_second", "limit": "10"}
    assert caught.value.details.retry_after_s is not None
    assert caught.value.details.retry_after_s > 1


def run_client(world: World, *arguments: str, env: dict[str, str] | None = None) -> Result:
    """`ctr-client` with the caller's certificate."""
    pem = world.caller
    tls = (
        *("--tls-ca", str(pem.ca)),
        *("--tls-certificate", str(pem.certificate)),
        *("--tls-private-key", str(pem.private_key)),
    )
    target = ("--target", world.gateway.target)
    return CliRunner().invoke(main, [*arguments, *target, *tls], env=env)


def test_the_command_line_connects_in_the_same_way(world: World, tmp_path: Path) -> None:
    """A token from a file or a variable is sent; without one the sentence says what to give."""
    file = tmp_path / "token"
    file.write_text(f"{GOOD}\n")
    assert "tiny" in run_client(world, "model", "--token-file", str(file)).stdout
    by_variable = run_client(world, "model", "--token-env", "A_TOKEN", env={"A_TOKEN": GOOD})
    assert "tiny" in by_variable.stdout
    refused = run_client(world, "model")
    assert refused.exit_code == 1
    assert "--token-file" in refused.stderr
    assert run_client(world, "health").stdout == "SERVING\n"
    wrong = CliRunner().invoke(
        main, ["model", "--target", world.gateway.target, "--tls-ca", str(world.foreign.ca)]
    )
    assert wrong.exit_code == 1
    assert "Check --tls-ca" in wrong.stderr
    assert "canary" not in f"{refused.output}{wrong.output}"


def test_a_changed_file_takes_force_while_serving(world: World) -> None:
    """A new token is let in and a revoked one is not, on connections that stay open."""
    path, fresh = world.folder / "tokens.toml", "ctr_canary-fresh"
    with world.client(world.security()) as old, world.client(world.security(fresh)) as new:
        old.get_model(deadline_s=DEADLINE_S)
        with pytest.raises(AccessError):
            new.get_model(deadline_s=DEADLINE_S)
        try:
            path.write_text(entry_of("good", fresh))
            world.gateway.event("tokens_reloaded")
            new.get_model(deadline_s=DEADLINE_S)
            with pytest.raises(AccessError):
                old.get_model(deadline_s=DEADLINE_S)
        finally:
            path.write_text(TOKENS)


def test_no_token_is_ever_told(world: World) -> None:
    """Nothing that the process wrote or measured at any level holds a token."""
    for token in (GOOD, UNKNOWN, OFF, NARROW):
        with world.client(world.security(token)) as client, contextlib.suppress(AccessError):
            client.get_model(deadline_s=DEADLINE_S)
    assert "call_refused" in world.gateway.everything_said
    for told in (world.gateway.everything_said, world.gateway.metrics()):
        assert "canary" not in told


async def test_a_caller_has_its_lists_at_a_time(tmp_path: Path) -> None:
    """The list above the limit is refused at once; another caller is not held back."""
    tokens = tmp_path / "tokens.toml"
    limited = "[caller.a]\nconcurrent_lists = 1\n"
    tokens.write_text(limited + entry_of("a", "token-a") + entry_of("b", "token-b"))
    once = ClientOptions(max_attempts=1)
    with running_gateway(
        make_tiny_bundle(tmp_path / "bundle"),
        *("--tokens-file", str(tokens)),
        module="tests.support.scripted_gateway",
    ) as gateway:
        assert gateway.event("tokens_in_clear")
        async with (
            AsyncPredictionClient(
                gateway.target, once, security=Security(token=lambda: "token-a")
            ) as a,
            AsyncPredictionClient(
                gateway.target, once, security=Security(token=lambda: "token-b")
            ) as b,
        ):
            calls = [
                client.predict_clicks(a_search(), deadline_s=DEADLINE_S) for client in (a, a, b)
            ]
            ends = await asyncio.gather(*calls, return_exceptions=True)
            refused = [end for end in ends if isinstance(end, OverloadedError)]
            assert len(refused) == 1
            assert refused[0].details.metadata == {"field": "concurrent_lists", "limit": "1"}
            assert refused[0].details.retry_after_s == pytest.approx(0.05)
            again = await a.predict_clicks(a_search(), deadline_s=DEADLINE_S)
            assert len(again.predictions) == 2


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (("--tls-certificate", "absent.pem", "--tls-private-key", "absent.key"), "absent.pem"),
        (("--tokens-file", "absent.toml"), "ctr-service token new"),
    ],
)
def test_a_missing_file_ends_the_start_with_a_sentence(
    tmp_path: Path, flags: tuple[str, ...], part: str
) -> None:
    """Exit code 1, one sentence: a server must not come up open because a file is missing."""
    gateway = Gateway(make_tiny_bundle(tmp_path / "bundle"), *flags)
    try:
        assert gateway.wait() == 1
        assert part in gateway.everything_said
        assert "Traceback" not in gateway.everything_said
    finally:
        gateway.close()
