"""The same graph in the real Triton and in process: the same probabilities, over both protocols."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pytest
import tritonclient.grpc as triton

from ctr_client.client import PredictionClient
from ctr_client.messages import Item, search
from ctr_service.bundle.bundle import load_bundle
from tests.support.gateway import Gateway, running_gateway
from tests.support.triton_repository import make_triton_bundle, repository_of
from tests.support.triton_server import require_triton, running_triton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

Answer = TypeVar("Answer")

pytestmark = pytest.mark.triton

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "build" / "demo" / "bundle"
PAIRS = 1_000
MOST_ITEMS = 60
CALLERS = 4
DEADLINE_S = 10.0
TOLERANCE = 1e-4
WORDS = ("red", "thermal", "mug", "desk", "lamp", "steel", "wool", "kids", "450", "ml", "set", "2")
UNCACHED = ("--score-cache-bytes", "0")


def demo_bundle() -> Path:
    """Return the bundle that `make demo` built."""
    if not (DEMO / "triton" / "cpu").is_dir():
        reason = "there is no demo bundle with a triton/ folder: make demo"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return DEMO


@pytest.fixture(scope="module", params=["tiny", pytest.param("demo", marks=pytest.mark.weights)])
def gateways(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, Gateway]]:
    """A gateway on Triton and one that runs that very graph itself, both without a score cache."""
    require_triton()
    bundle = (
        demo_bundle()
        if request.param == "demo"
        else make_triton_bundle(tmp_path_factory.mktemp("equal") / "bundle")
    )
    # The bundle's default may be OpenVINO's, which Triton does not serve.
    served = load_bundle(bundle).manifest.triton["cpu"]
    same_graph = ("--engine", served.engine, "--precision", served.precision)
    with (
        running_triton(repository_of(bundle)) as server,
        running_gateway(bundle, "--triton", server.target, *UNCACHED) as remote,
        running_gateway(bundle, *same_graph, *UNCACHED) as local,
    ):
        yield remote, local


def random_lists() -> list[tuple[str, list[str]]]:
    """Return queries with their titles: PAIRS pairs in lists of random lengths."""
    rng = np.random.default_rng(4)

    def text(most: int) -> str:
        return " ".join(rng.choice(WORDS, int(rng.integers(1, most + 1))))

    lists: list[tuple[str, list[str]]] = []
    left = PAIRS
    while left:
        items = min(left, int(rng.integers(1, MOST_ITEMS + 1)))
        lists.append((text(5), [text(12) for _ in range(items)]))
        left -= items
    return lists


def over_ctr(gateway: Gateway) -> list[list[float]]:
    """Ask over ctr.v1."""
    with PredictionClient(gateway.target) as client:

        def ask(query: str, titles: list[str]) -> list[float]:
            items = [Item(str(n), title) for n, title in enumerate(titles)]
            answer = client.predict_clicks(search(query, items), deadline_s=DEADLINE_S)
            return [prediction.click_probability for prediction in answer.predictions]

        return mixed(ask)


def over_open_inference(gateway: Gateway) -> list[NDArray[np.float32]]:
    """Ask over Open Inference, with Triton's own client."""
    with triton.InferenceServerClient(gateway.target) as client:
        model = load_bundle_name(gateway)

        def ask(query: str, titles: list[str]) -> NDArray[np.float32]:
            tensors = [tensor("query", [query]), tensor("title", titles)]
            answer = client.infer(model, tensors, client_timeout=DEADLINE_S)
            return np.asarray(answer.as_numpy("click_probability"), dtype=np.float32)

        return mixed(ask)


def mixed(ask: Callable[[str, list[str]], Answer]) -> list[Answer]:
    """Ask for all lists, several at once, so that batches hold rows of several."""
    queries, titles = zip(*random_lists(), strict=True)
    with ThreadPoolExecutor(CALLERS) as callers:
        return list(callers.map(ask, queries, titles))


def load_bundle_name(gateway: Gateway) -> str:
    """Return the name of the model that a gateway serves."""
    return str(gateway.event("serving")["model"])


def tensor(name: str, texts: list[str]) -> Any:  # noqa: ANN401 -- tritonclient has no types
    """One BYTES input."""
    made = triton.InferInput(name, [len(texts)], "BYTES")
    made.set_data_from_numpy(np.array([text.encode() for text in texts], dtype=np.object_))
    return made


@pytest.mark.parametrize("ask", [over_ctr, over_open_inference])
def test_triton_gives_the_probabilities_that_the_process_gives(
    gateways: tuple[Gateway, Gateway],
    ask: Any,  # noqa: ANN401 -- a function of a gateway
) -> None:
    """1,000 random pairs in lists of random lengths: equal within 1e-4, each computed."""
    remote, local = gateways
    there, here = (np.concatenate(ask(gateway)) for gateway in gateways)
    assert there.shape == (PAIRS,)
    np.testing.assert_allclose(there, here, rtol=0, atol=TOLERANCE)
    assert np.ptp(here) > TOLERANCE, "numbers that are all alike would prove nothing"
    assert 'ctr_triton_batches_total{outcome="ok"' in remote.metrics()
    graph, engine, precision = local.event("serving")["graph"].split("/")
    assert engine == "onnxruntime"
    assert remote.event("serving")["graph"] == f"{graph}/triton:cpu/{precision}"
