"""The graph behind every peer: one session of one thread, length-sorted chunks, calibration.

Needs numpy (1.26 or 2), onnxruntime and tokenizers. What differs from peer to peer is the framework
around it: how requests arrive, wait and reach a worker.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

from peers.common import RowMaker, Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from peers.common import TokenRow

BUNDLE, GRAPH, CHUNK_ROWS = "PEER_BUNDLE", "PEER_GRAPH", "PEER_CHUNK_ROWS"
"""Variables of the environment: each framework starts its workers in its own way, and all of those
inherit them."""
PROVIDERS = ["CPUExecutionProvider"]
MIN_PROBABILITY = 1e-6
WARM_RUNS = 3


@dataclass(frozen=True)
class Setup:
    """What a peer serves.

    Attributes:
        graph: "graph/engine/precision", a variant of the manifest that ONNX Runtime runs.
        chunk_rows: most rows of one run.
    """

    bundle: Path
    graph: str
    chunk_rows: int

    def variables(self) -> dict[str, str]:
        """Return it as variables of an environment."""
        return {
            BUNDLE: str(self.bundle),
            GRAPH: self.graph,
            CHUNK_ROWS: str(self.chunk_rows),
            # Each worker tokenises for itself; a pool of threads in each would fight for the cores.
            "TOKENIZERS_PARALLELISM": "false",
            "OMP_NUM_THREADS": "1",
        }


def setup_from(environment: Mapping[str, str]) -> Setup:
    """Read `Setup.variables` again.

    Raises:
        KeyError: a variable is missing.
    """
    chunk_rows = int(environment[CHUNK_ROWS])
    return Setup(Path(environment[BUNDLE]), environment[GRAPH], chunk_rows)


class Scorer:
    """Scores searches. `score` runs the graph in the caller's thread, chunk after chunk."""

    def __init__(self, setup: Setup) -> None:
        """Load the graph.

        Raises:
            KeyError: the manifest has no such variant.
            RuntimeError: onnxruntime fell back from the CPU's provider.
        """
        manifest = json.loads((setup.bundle / "manifest.json").read_text())
        graph, engine, precision = setup.graph.split("/")
        variant = manifest["graphs"][graph][engine][precision]
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = setup.bundle / variant["file"]
        self._session = ort.InferenceSession(str(path), options, providers=PROVIDERS)
        if self._session.get_providers() != PROVIDERS:
            raise RuntimeError(f"onnxruntime runs on {self._session.get_providers()}")
        self._calibrate = calibration_of(variant["calibration"])
        self._chunk_rows = setup.chunk_rows
        self._rows = RowMaker(setup.bundle)
        self._warm_up()

    def score(self, search: Search) -> list[float]:
        """Return the click probability of each candidate, in the search's order."""
        rows = self.rows(search)
        return self.joined(
            len(rows), ((chunk, self.run(rows, chunk)) for chunk in self.chunks(rows))
        )

    def rows(self, search: Search) -> list[TokenRow]:
        """Tokenise a search."""
        return self._rows.rows(search)

    def chunks(self, rows: Sequence[TokenRow]) -> list[list[int]]:
        """Return the places of the rows, sorted by length and cut."""
        order = sorted(range(len(rows)), key=lambda at: len(rows[at].ids))
        return [order[at : at + self._chunk_rows] for at in range(0, len(order), self._chunk_rows)]

    def run(self, rows: Sequence[TokenRow], chunk: Sequence[int]) -> NDArray[np.float32]:
        """Return float32 [chunk]: the logits of these rows, padded to the longest of them."""
        chosen = [rows[at] for at in chunk]
        lengths = np.array([len(row.ids) for row in chosen], dtype=np.int32)
        ids = np.full((len(chosen), int(lengths.max())), self._rows.pad_id, dtype=np.int32)
        for at, row in enumerate(chosen):
            ids[at, : len(row.ids)] = row.ids
        first_lengths = np.array([row.first_length for row in chosen], dtype=np.int32)
        inputs = {"input_ids": ids, "lengths": lengths, "first_lengths": first_lengths}
        logits: NDArray[np.float32] = self._session.run(["logits"], inputs)[0]
        return logits

    def joined(
        self, count: int, parts: Iterable[tuple[Sequence[int], NDArray[np.float32]]]
    ) -> list[float]:
        """Put the chunks' logits back in order and calibrate them."""
        logits = np.empty(count, dtype=np.float64)
        for chunk, values in parts:
            logits[chunk] = values
        probabilities: list[float] = self._calibrate(logits).tolist()
        return probabilities

    def _warm_up(self) -> None:
        for _ in range(WARM_RUNS):
            self.score(Search("warm up", ["a title", "a longer title of a warm-up"] * 8))


def calibration_of(spec: Mapping[str, Any]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return float64 logits -> probabilities, as the manifest describes the map."""
    low, high = MIN_PROBABILITY, 1 - MIN_PROBABILITY
    if spec["kind"] == "isotonic":
        knots, values = np.array(spec["logits"]), np.array(spec["probabilities"])
        return lambda logits: np.clip(np.interp(logits, knots, values), low, high)
    slope, intercept = spec["slope"], spec["intercept"]
    return lambda logits: np.clip(1 / (1 + np.exp(-(slope * logits + intercept))), low, high)


def open_scorer() -> Scorer:
    """Load what the environment says, for a worker of any framework."""
    return Scorer(setup_from(os.environ))
