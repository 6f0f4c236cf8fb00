"""The synchronous gRPC peer, in this process on the tiny bundle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.answers import Counts, count_answer, probabilities_of
from ctr_bench.ask import ask
from ctr_bench.searches import Search as OurSearch
from ctr_client.messages import Item
from peers.scorer import Scorer, Setup
from peers.sync_grpc import make_server, search_of_bytes
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

SEARCHES = [
    OurSearch(f"lamp {n}", [Item(f"i{at}", "long " * (at % 5) + f"title {n}") for at in range(16)])
    for n in range(12)
]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    """Of the tiny bundle."""
    bundle = make_tiny_bundle(tmp_path_factory.mktemp("sync") / "bundle")
    return Setup(bundle, "joint/onnxruntime/fp32", 4)


@pytest.fixture(scope="module")
def target(setup: Setup) -> Iterator[str]:
    """A running server."""
    server, port = make_server(setup, 0)
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def test_lists_at_once_each_get_their_own_scores_in_order(target: str, setup: Setup) -> None:
    """Twelve callers at once share the two sessions, and nobody gets another's chunk."""
    scorer = Scorer(setup)
    messages = [search.serialise() for search in SEARCHES]
    with ThreadPoolExecutor(len(messages)) as callers:
        answers = list(callers.map(lambda message: ask(target, [message])[0], messages))
    for message, raw in zip(messages, answers, strict=True):
        wanted = scorer.score(search_of_bytes(message))
        assert probabilities_of(raw) == pytest.approx(wanted, abs=1e-6)


def test_the_generator_counts_its_answer_as_complete(target: str) -> None:
    """Every item is scored and carries its id."""
    (raw,) = ask(target, [SEARCHES[0].serialise()])
    assert count_answer(raw) == Counts(16, 0, 0, 0)
    ids = [item.item_id for item in pb.PredictClicksResponse.FromString(raw).predictions]
    assert ids == [item.item_id for item in SEARCHES[0].items]
