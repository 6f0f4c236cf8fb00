"""The peers' scorer: chunks, order, calibration, and what the environment hands to workers."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ctr_bench.bound.rows import RowMaker, open_bundle
from ctr_bench.bound.sessions import open_sessions, variant_of
from ctr_bench.searches import Search as OurSearch
from ctr_client.messages import Item
from ctr_service.backend.base import LOGITS
from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.calibration import IsotonicCalibration, PlattCalibration
from ctr_service.bundle.tokens import pad_rows
from peers.common import Search
from peers.scorer import Scorer, Setup, calibration_of, setup_from
from tests.support.tiny_bundle import make_tiny_bundle

GRAPH = "joint/onnxruntime/fp32"
TITLES = ["a long title of a red lamp", "lamp", "red lamp", "x", "a much longer title than all"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle."""
    return make_tiny_bundle(tmp_path_factory.mktemp("scorer") / "bundle")


@pytest.mark.parametrize("chunk_rows", [1, 2, 16])
def test_scores_are_the_graphs_own_in_the_callers_order(bundle: Path, chunk_rows: int) -> None:
    """Whatever the chunks, each title has the probability that the gateway's own parts give it."""
    opened = open_bundle(bundle)
    default = opened.manifest.default
    rows = RowMaker(opened).rows(OurSearch("lamp", [Item(t, t) for t in TITLES]))
    (session,) = open_sessions(opened, default, sessions=1, threads=1)
    batch = pad_rows(rows, max(row.length for row in rows), opened.manifest.template.pad_id)
    logits = session.run(tensors_of(batch))[LOGITS]
    wanted = variant_of(opened, default).calibration.apply(logits.astype(np.float64))
    found = Scorer(Setup(bundle, GRAPH, chunk_rows)).score(Search("lamp", TITLES))
    assert found == pytest.approx(wanted.tolist(), abs=1e-6)


def test_chunks_hold_rows_of_like_length(bundle: Path) -> None:
    """Sorted by length and cut: no row of a later chunk is shorter than one of an earlier."""
    scorer = Scorer(Setup(bundle, GRAPH, 2))
    rows = scorer.rows(Search("lamp", TITLES))
    lengths = [[len(rows[at].ids) for at in chunk] for chunk in scorer.chunks(rows)]
    assert [len(chunk) for chunk in lengths] == [2, 2, 1]
    assert list(itertools.chain.from_iterable(lengths)) == sorted(len(row.ids) for row in rows)


@pytest.mark.parametrize(
    "calibration",
    [
        PlattCalibration(slope=0.7, intercept=-1.2),
        IsotonicCalibration(logits=(-2.0, 0.0, 1.5), probabilities=(0.0, 0.2, 0.9)),
    ],
)
def test_calibration_is_the_bundles(calibration: PlattCalibration | IsotonicCalibration) -> None:
    """From its JSON, over the whole range of logits and beyond the knots."""
    logits = np.linspace(-30, 30, 401)
    found = calibration_of(calibration.model_dump(mode="json"))(logits)
    assert found == pytest.approx(calibration.apply(logits), abs=1e-12)


def test_the_environment_carries_the_setup_to_every_worker() -> None:
    """What `variables` says, `setup_from` reads."""
    setup = Setup(Path("/models/ctr"), GRAPH, 8)
    assert setup_from(setup.variables()) == setup


def test_the_scorer_needs_nothing_but_what_the_peers_have() -> None:
    """No module of ours is imported by what runs in the peers' environments."""
    code = "import sys, peers.scorer; print([m for m in sys.modules if m.startswith('ctr')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
