"""Everything that decides the outcome of a fit, read and resolved before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.files import sha256_of
from ctr_train.base_model import find_base_model
from ctr_train.checkpoint import WEIGHTS_FILE
from ctr_train.checks import check_split
from ctr_train.examples import Examples
from ctr_train.held_rows import limit_rows
from ctr_train.log import read_log
from ctr_train.position import tie_positions
from ctr_train.precision import resolve_precision, training_device
from ctr_train.split import resolve_validation_share, split_by_group
from ctr_train.training import resolve_epochs

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_train.click_log import ClickLog
    from ctr_train.config import TrainConfig
    from ctr_train.prepare import Prepared
    from ctr_train.progress import Reporter
    from ctr_train.split import Split

TOOLS = ("ctr-serve", "numpy", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Inputs:
    """A fit's inputs.

    Attributes:
        config: with epochs, base model and precision resolved.
        record: config, digests and sizes, JSON-ready; equal records mean equal fits.
        tools: name -> version of what decides the outcome.
        ties: int64 by `position - 1`, positions that share an examination; None without a position
            model.
    """

    log: ClickLog
    split: Split
    base_model: Path
    config: TrainConfig
    record: dict[str, object]
    tools: dict[str, str]
    ties: NDArray[np.int64] | None

    def part(self, name: str, most: int | None = None) -> NDArray[np.int64]:
        """Return the row numbers of a split; at most `most`, in whole groups."""
        rows = self.split.named()[name]
        if most is None:
            return rows
        return limit_rows(rows, self.log.group, most=most, seed=self.config.seed)

    def examples(self, prepared: Prepared, rows: NDArray[np.int64]) -> Examples:
        """Return rows of the log, tokenised, with their targets."""
        part = self.log.take(rows)
        tie = None
        if self.ties is not None and part.position is not None:
            tie = self.ties[np.minimum(part.position, len(self.ties)) - 1]
        return Examples(prepared.rows(prepared.segments(part)), part.target, part.weight, tie)


def read_inputs(log_path: Path, config: TrainConfig, reporter: Reporter) -> Inputs:
    """Read and check the log, split it, and find the base model.

    Raises:
        TrainError: the log, the options or the base model will not do.
    """
    base_model = find_base_model(config.base_model)
    log = read_log(log_path, group_column=config.group)
    validation_share = resolve_validation_share(config.validation_share, len(log))
    split = split_by_group(
        log.group,
        seed=config.seed,
        validation_share=validation_share,
        test_share=config.test_share,
    )
    for notice in (*log.notices, *check_split(log, split)):
        reporter.say(f"note: {notice}")
    sizes = {name: len(rows) for name, rows in split.named().items()}
    reporter.say(", ".join(f"{name} {rows:,} rows" for name, rows in sizes.items()))
    exact = config.model_copy(
        update={
            "validation_share": validation_share,
            "epochs": resolve_epochs(config.epochs, sizes["train"]),
            "base_model": base_model,
            "precision": resolve_precision(config.precision, training_device()),
        }
    )
    tools = {"python": python_version(), **{name: version(name) for name in TOOLS}}
    weights = base_model / WEIGHTS_FILE
    record: dict[str, object] = {
        "config": exact.model_dump(mode="json"),
        "log": {"file": log_path.name, "sha256": sha256_of(log_path), "rows": len(log)},
        "split_rows": sizes,
        "base_model_sha256": sha256_of(weights) if weights.is_file() else None,
        "tools": tools,
    }
    return Inputs(log, split, base_model, exact, record, tools, _ties(log, split, config))


def _ties(log: ClickLog, split: Split, config: TrainConfig) -> NDArray[np.int64] | None:
    if log.position is None or config.position_model == "off":
        return None
    rows = split.train
    ties = tie_positions(log.position[rows], log.target[rows], log.weight[rows])
    # One position, or too few clicks below it: there is no bias that could be told.
    return ties if ties[-1] > 0 else None
