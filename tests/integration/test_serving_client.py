"""`ctr-client` and other callers against the real process."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import pytest
from click.testing import CliRunner
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from ctr_client.cli import main
from tests.support.gateway import Gateway, running_gateway
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

ROOT = Path(__file__).parents[2]
TITLES = ("blue thermal mug", "红色的保温杯", "a mug that keeps coffee hot for a whole day, 450 ml")


class World(NamedTuple):
    """One gateway for all tests of this file, and an items file."""

    gateway: Gateway
    items: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A gateway that serves the tiny bundle."""
    folder = tmp_path_factory.mktemp("client")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["item_id", "title", "price", "item_brand", "tags", "colour"])
    for number, title in enumerate(TITLES):
        writer.writerow([f"id-{number}", title, 10 * number, "acme", "hot|cold", "blue"])
    items = folder / "items.csv"
    items.write_text(text.getvalue(), encoding="utf-8")
    with running_gateway(make_tiny_bundle(folder / "bundle")) as gateway:
        yield World(gateway, items)


def client(world: World, *arguments: str, stdin: str | None = None) -> Result:
    """Run `ctr-client` against the gateway."""
    return CliRunner().invoke(main, [*arguments, "--target", world.gateway.target], input=stdin)


def test_score_prints_a_ranked_table(world: World) -> None:
    """Probabilities fall from line to line, titles stand beside them, notes follow."""
    result = client(world, "score", "--query", "mug", "--items", str(world.items))
    assert result.exit_code == 0, result.output
    header, *rows = result.stdout.split("\n\n")[0].splitlines()
    assert header.split() == ["#", "p(click)", "status", "item", "title"]
    probabilities = [float(row.split()[1]) for row in rows]
    assert probabilities == sorted(probabilities, reverse=True)
    assert {row.split()[2] for row in rows} == {"scored"}
    assert "红色的保温杯" in result.stdout
    assert "model tiny t1, 3 candidates" in result.stdout
    assert "columns that the model does not know: colour" in result.stdout
    assert "their default was used: context.hour, user.segment" in result.stdout


def test_score_answers_json_and_takes_features_and_stdin(world: World) -> None:
    """`--json --top` gives machines the best items; JSON Lines come from stdin; features count."""
    line = json.dumps({"item_id": "a", "title": "mug", "price": 3, "brand": "acme", "tags": ["x"]})
    arguments = ("score", "--query", "mug", "--items", "-", "--json", "--top", "1")
    with_features = ("--user", "segment=commuter", "--context", "hour=8")
    plain = json.loads(client(world, *arguments, stdin=line).stdout)
    result = client(world, *arguments, *with_features, stdin=line)
    found = json.loads(result.stdout)
    (best,) = found["predictions"]
    assert (best["rank"], best["item_id"], best["title"]) == (1, "a", "mug")
    assert best["status"] == "PREDICTION_STATUS_SCORED"
    assert best["defaulted_features"] == []
    assert best["click_probability"] != plain["predictions"][0]["click_probability"]
    assert found["server_ms"] <= found["elapsed_ms"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "part"),
    [
        (("--items", "-"), "", 1, "empty"),
        (("--items", "-"), "name\nx\n", 1, "title"),
        (("--items", "-"), "title,price\nx,cheap\n", 1, "row 1: feature price must be a number"),
        (("--items", "/none.csv"), "", 2, "No such file"),
        (("--items", "-", "--user", "age=3"), "title\nx\n", 1, "it knows segment"),
        (("--items", "-", "--context", "hour=x"), "title\nx\n", 1, "hour must be a number"),
        (
            ("--items", "-"),
            "title\n" + "x\n" * 1001,
            1,
            "candidates holds 1001 items",
        ),
        (("--items", "-", "--query", "q" * 257), "title\nx\n", 1, "query has 257 characters"),
    ],
)
def test_a_wrong_call_is_a_sentence(
    world: World, arguments: tuple[str, ...], stdin: str, code: int, part: str
) -> None:
    """A wrong file, a wrong feature or a refused request is one sentence, no traceback."""
    result = client(world, "score", "--query", "mug", *arguments, stdin=stdin)
    assert result.exit_code == code, result.output
    assert part in result.stderr
    assert "Traceback" not in result.output


def test_model_and_health_say_what_serves(world: World) -> None:
    """`model` lists the features, `health` says SERVING; an unknown service is an error."""
    text = client(world, "model")
    assert "tiny" in text.stdout
    assert ["item", "texts", "tags"] in [line.split() for line in text.stdout.splitlines()]
    found = json.loads(client(world, "model", "--json").stdout)
    assert {"entity": "user", "type": "text", "name": "segment"} in found["features"]
    assert client(world, "health").stdout == "SERVING\n"
    assert client(world, "health", "--service", "nobody").exit_code == 1


def test_reflection_describes_the_service(world: World) -> None:
    """A tool without our files finds the services and the request's fields."""
    with grpc.insecure_channel(world.gateway.target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert set(database.get_services()) == {
            "ctr.v1.PredictionService",
            "grpc.health.v1.Health",
            "inference.GRPCInferenceService",
            "grpc.reflection.v1alpha.ServerReflection",
        }
        pool = DescriptorPool(database)
        request = pool.FindMessageTypeByName("ctr.v1.PredictClicksRequest")
    assert "candidates" in request.fields_by_name


@pytest.mark.parametrize(
    "arguments", [("health",), ("model",), ("score", "--query", "mug", "--items", "-")]
)
def test_a_dead_server_is_a_sentence(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """After kill -9 every command says that nobody answers, and what to do."""
    with running_gateway(make_tiny_bundle(tmp_path / "bundle")) as gateway:
        target = gateway.target
        gateway.process.kill()
        gateway.wait()
    result = CliRunner().invoke(main, [*arguments, "--target", target], input="title\nx\n")
    assert result.exit_code == 1
    assert f"no server answers at {target}" in result.stderr
    assert "ctr-service serve" in result.stderr
    assert "Traceback" not in result.output


def test_the_first_call_of_the_frontend_page_works(world: World) -> None:
    """What a frontend copies from docs/frontend.md ranks both items, and the server answered it."""
    page = (ROOT / "docs" / "frontend.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    assert "127.0.0.1:8500" in code
    assert "deadline_s=0.2" in code
    code = code.replace("127.0.0.1:8500", world.gateway.target)
    code = code.replace("deadline_s=0.2", "deadline_s=10")  # a machine under test may be busy
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 -- our own page
    try:
        assert sorted(names["ranked"]) == ["p1", "p2"]
        assert [p.item_id for p in names["answer"].predictions] == ["p1", "p2"]
    finally:
        names["client"].close()
