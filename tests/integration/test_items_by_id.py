"""Items by id alone, from a local store, through the real process and its commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ctr.v1 import error_reason_pb2
from ctr.v1 import prediction_pb2 as pb
from ctr_client.client import PredictionClient
from ctr_client.messages import Item, search
from ctr_service.cli import main
from tests.support.gateway import running_gateway
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DEADLINE_S = 9.0
BUDGET = ("--feature-budget-s", "1")
"""So that a busy machine answers too."""
MUG, CUP = ("mug", "blue thermal mug"), ("cup", "small white cup")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the bundle and a loaded store."""
    made = tmp_path_factory.mktemp("by-id")
    make_tiny_bundle(made / "bundle")
    load(made, MUG, CUP)
    return made


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[PredictionClient]:
    """Of a gateway with the store."""
    with (
        running_gateway(folder / "bundle", "--feature-store", str(folder / "store"), *BUDGET) as g,
        PredictionClient(g.target) as connected,
    ):
        yield connected


def load(folder: Path, *items: tuple[str, str]) -> dict[str, object]:
    """Run `ctr-service features load` and return what it says."""
    table = folder / "items.csv"
    table.write_text("item_id,title,item_price\n" + "".join(f"{i},{t},3\n" for i, t in items))
    return command(folder, "load", str(table))


def command(folder: Path, *arguments: str) -> dict[str, object]:
    """Run `ctr-service features` on the store."""
    where = ("--bundle", str(folder / "bundle"), "--feature-store", str(folder / "store"))
    done = CliRunner().invoke(main, ["features", *arguments, *where, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def predictions(client: PredictionClient, *items: Item) -> Sequence[pb.Prediction]:
    """Search."""
    return client.predict_clicks(search("mug", items), deadline_s=DEADLINE_S).predictions


def test_an_item_by_id_scores_as_if_it_had_been_sent(client: PredictionClient) -> None:
    """Title and features come from the store; the numbers are those of whole items."""
    sent = [Item(i, title, features={"price": 3}) for i, title in (MUG, CUP)]
    whole = predictions(client, *sent)
    by_id = predictions(client, Item("mug"), Item("cup"))
    assert [p.click_probability for p in by_id] == [p.click_probability for p in whole]
    assert all("item.title" not in p.defaulted_features for p in by_id)


def test_an_id_that_is_not_there_scores_with_defaults_and_says_so(
    client: PredictionClient,
) -> None:
    """Its title and its features are named among the defaults."""
    known, unknown = predictions(client, Item("mug"), Item("nobody"))
    assert unknown.status == pb.PREDICTION_STATUS_SCORED
    assert {"item.title", "item.price"} <= set(unknown.defaulted_features)
    assert known.click_probability != unknown.click_probability


def test_by_option_an_id_that_is_not_there_is_invalid(folder: Path) -> None:
    """`--missing-item invalid`: that item alone, with its reason."""
    flags = ("--feature-store", str(folder / "store"), "--missing-item", "invalid", *BUDGET)
    with (
        running_gateway(folder / "bundle", *flags) as gateway,
        PredictionClient(gateway.target) as client,
    ):
        known, unknown = predictions(client, Item("mug"), Item("nobody"))
    assert known.status == pb.PREDICTION_STATUS_SCORED
    assert unknown.status == pb.PREDICTION_STATUS_INVALID
    assert unknown.reason == error_reason_pb2.ERROR_REASON_ITEM_NOT_FOUND


def test_a_load_takes_force_while_serving(folder: Path, client: PredictionClient) -> None:
    """A new version serves without a restart, and `features get` shows it."""
    (before,) = predictions(client, Item("mug"))
    try:
        assert load(folder, ("mug", "another mug altogether"), CUP)["changed"]
        shown = command(folder, "get", "mug")
        assert shown["title"] == "another mug altogether"
        # An id that is not in process yet is read from the new version, which then makes the
        # cached ones due: they are read again behind.
        predictions(client, Item("not yet asked for"))
        for _ in range(1_000):
            (after,) = predictions(client, Item("mug"))
            if after.click_probability != before.click_probability:
                return
        pytest.fail("the new title does not serve")
    finally:
        load(folder, MUG, CUP)
