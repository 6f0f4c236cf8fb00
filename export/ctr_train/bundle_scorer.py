"""Scoring a log with a bundle: its default graph, through the session that serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.base import LOGITS
from ctr_service.backend.opening import sessions_opener
from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.bundle import load_bundle
from ctr_service.bundle.tokens import pad_rows
from ctr_service.errors import BackendFailedError, BundleError
from ctr_train.errors import TrainError
from ctr_train.scoring import LogTokeniser, Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.types import Row
    from ctr_train.click_log import ClickLog

CHUNK_ROWS = 16


class BundleModel:
    """A bundle that scores as the gateway does: default graph, then its calibration."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        """Load a bundle.

        Args:
            folder: the bundle.
            threads: of the session.

        Raises:
            TrainError: the bundle cannot be used.
        """
        try:
            bundle = load_bundle(folder)
            manifest = bundle.manifest
            choice = manifest.default
            variant = manifest.variant(choice.graph, choice.engine, choice.precision)
            open_sessions = sessions_opener(choice.engine, choice.precision)
            (self._session,) = open_sessions(bundle.path_of(variant), sessions=1, threads=threads)
            self._tokeniser = LogTokeniser(
                bundle.tokenizer_path, manifest.template, manifest.features
            )
        except BundleError as error:
            raise TrainError(str(error)) from error
        self._calibration = variant.calibration
        self._pad_id = manifest.template.pad_id
        self.name = f"bundle {folder} ({choice.engine} {choice.precision})"
        self.figures: Mapping[str, float] = manifest.metrics

    def score(self, log: ClickLog, advance: Callable[[int], None]) -> Scores:
        """Score every row.

        Raises:
            TrainError: the log does not fit the model, or the engine failed.
        """
        rows = self._tokeniser.rows(log)
        logit = np.empty(len(rows), dtype=np.float64)
        order = np.argsort([row.length for row in rows], kind="stable")
        for start in range(0, len(rows), CHUNK_ROWS):
            chunk = order[start : start + CHUNK_ROWS]
            logit[chunk] = self._run([rows[index] for index in chunk])
            advance(len(chunk))
        return Scores(logit, self._calibration.apply(logit))

    def _run(self, rows: list[Row]) -> NDArray[np.float64]:
        # Sorted by length: the last is the longest.
        batch = pad_rows(rows, rows[-1].length, self._pad_id)
        try:
            outputs = self._session.run(tensors_of(batch))
        except BackendFailedError as error:
            raise TrainError(f"the bundle's graph failed: {error}") from error
        return np.asarray(outputs[LOGITS], dtype=np.float64).reshape(-1)
