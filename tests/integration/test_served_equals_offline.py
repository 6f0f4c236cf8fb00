"""Real MiniLM weights, fine-tuned, exported and served: what is served is what the graph says."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr.v1.prediction_pb2 import PREDICTION_STATUS_SCORED
from ctr_client import messages
from ctr_client.client import PredictionClient
from ctr_service.backend.base import LOGITS
from ctr_service.backend.opening import sessions_opener
from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.bundle import load_bundle
from ctr_service.bundle.features import Entity
from ctr_service.bundle.template import Renderer
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer, pad_rows
from ctr_train.log import read_log
from tests.support.gateway import running_gateway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctr.v1.prediction_pb2 import PredictClicksRequest
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.types import FeatureValue
    from ctr_train.log import ClickLog

pytestmark = pytest.mark.weights

PAIRS = 1_000
CALLERS = 8
FP32_BOUND = 1e-4
GATE_MAX, GATE_P99 = 0.02, 0.002
DEADLINE_S = 10.0

Features = dict[str, "FeatureValue"]


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generated log."""
    path = tmp_path_factory.mktemp("real") / "log.csv"
    _run("ctr-train", "generate", "--out", path, "--searches", 60)
    return path


@pytest.fixture(scope="module")
def bundle(log_file: Path) -> Bundle:
    """The real weights after one epoch on that log, exported through the gate."""
    checkpoint, folder = log_file.parent / "checkpoint", log_file.parent / "bundle"
    _run("ctr-train", "fit", log_file, "--out", checkpoint, "--epochs", 1)
    _run("ctr-export", "build", checkpoint, "--out", folder, "--pairs", 300)
    return load_bundle(folder)


@pytest.mark.parametrize("precision", ["fp32", None], ids=["fp32", "default"])
def test_served_probabilities_equal_the_offline_ones(
    bundle: Bundle, log_file: Path, precision: str | None
) -> None:
    """1,000 random pairs in random lists from eight callers equal each row scored alone."""
    default = bundle.manifest.default
    engine = default.engine if precision is None else "onnxruntime"
    chosen = precision or default.precision
    requests, offline = _random_searches(bundle, read_log(log_file), engine, chosen)
    flags = () if precision is None else ("--precision", precision, "--engine", "onnxruntime")
    with (
        running_gateway(bundle.folder, *flags) as gateway,
        PredictionClient(gateway.target) as client,
        ThreadPoolExecutor(CALLERS) as callers,
    ):
        answers = callers.map(lambda r: client.predict_clicks(r, deadline_s=DEADLINE_S), requests)
        predictions = [p for answer in answers for p in answer.predictions]
    assert all(p.status == PREDICTION_STATUS_SCORED for p in predictions)
    served = np.array([p.click_probability for p in predictions])
    difference = np.abs(served - offline)
    assert len(difference) == PAIRS
    if chosen.startswith("fp32"):
        assert difference.max() <= FP32_BOUND
    assert difference.max() <= GATE_MAX
    assert np.quantile(difference, 0.99) <= GATE_P99


def _random_searches(
    bundle: Bundle, log: ClickLog, engine: str, precision: str
) -> tuple[list[PredictClicksRequest], NDArray[np.float64]]:
    """Mix queries, titles and features at random; return requests and each row scored alone."""
    rng = np.random.default_rng(5)
    renderer = Renderer(bundle.manifest.template, bundle.manifest.features)
    requests, segments, left = [], [], PAIRS
    while left:
        size = min(left, int(rng.integers(1, 60)))
        left -= size
        asked = int(rng.integers(len(log)))
        shown = rng.permutation(len(log))[:size].tolist()
        user, context = _of(log, Entity.USER, asked), _of(log, Entity.CONTEXT, asked)
        items = [
            messages.Item(f"i{n}", log.title[row], features=_of(log, Entity.ITEM, row))
            for n, row in enumerate(shown)
        ]
        requests.append(messages.search(log.query[asked], items, user=user, context=context))
        part = renderer.request(log.query[asked], user, context)
        segments += [
            renderer.row(part, renderer.item(log.title[row], _of(log, Entity.ITEM, row)))
            for row in shown
        ]
    return requests, _score_alone(bundle, engine, precision, segments)


def _score_alone(
    bundle: Bundle, engine: str, precision: str, segments: Sequence[tuple[str, ...]]
) -> NDArray[np.float64]:
    manifest = bundle.manifest
    variant = manifest.variant("joint", engine, precision)
    opener = sessions_opener(engine, precision)
    (session,) = opener(bundle.path_of(variant), sessions=1, threads=1)
    builder = RowBuilder(
        load_tokenizer(bundle.tokenizer_path), manifest.template, TokenCache(1 << 20)
    )
    pad_id = manifest.template.pad_id
    logits = [
        session.run(tensors_of(pad_rows([row], row.length, pad_id)))[LOGITS][0]
        for row in builder.build(segments).rows
    ]
    return variant.calibration.apply(np.array(logits, dtype=np.float32))


def _of(log: ClickLog, entity: Entity, row: int) -> Features:
    columns: Mapping[str, Sequence[FeatureValue | None]] = log.features.get(entity, {})
    return {name: value for name, values in columns.items() if (value := values[row]) is not None}


def _run(program: str, *arguments: object) -> None:
    command = [str(Path(sys.executable).parent / program), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{program} failed: {result.stderr[-2000:]}"
