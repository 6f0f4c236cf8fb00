"""A log, a fitted tiny checkpoint and its vocabulary, made so that trimming changes known rows."""

from __future__ import annotations

import io
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from ctr_export.build import build_bundle
from ctr_export.options import BuildOptions
from ctr_export.trim.build import build_trimmed
from ctr_service.clock import SystemClock
from ctr_train.config import make_config
from ctr_train.fit import Fitter
from ctr_train.progress import Reporter
from ctr_train.split import split_by_group
from tests.support.tiny_log import write_rows
from tests.support.tiny_model import WORDS, make_tiny_model, one_torch_thread

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_export.build import Built
    from ctr_export.trim.options import TrimOptions

NEVER_USED = tuple("qx" + "".join(letters) for letters in product("abcdefghijklmn", repeat=3))
"""2,744 words of the vocabulary that no text holds."""
CHINESE = tuple("红色台灯椅子")
RARE = "bathroom"
"""A word of the vocabulary that stands in held-out rows only."""
MODEL_WORDS = (*WORDS, "bath", "##room", RARE, "kitchenware", *CHINESE, *NEVER_USED)
COLOURS, THINGS = ("red", "blue", "green", "红色"), ("lamp", "chair", "台灯")
CLICK_CHANCE = (0.9, 0.6, 0.3, 0.1)
QUERIES, ITEMS = 100, 6
CANDIDATES = ("fp32", "fp32-fused")


def write_trim_log(path: Path, *, seed: int = 0) -> Path:
    """Write a CSV in which every third row of a held-out query, and no other, says "bathroom"."""
    rng = np.random.default_rng(seed)
    queries = [f"{rng.choice(THINGS)} {number}" for number in range(QUERIES)]
    learnt = {queries[index] for index in split_by_group(queries, seed=0).train}
    rows: list[tuple[object, ...]] = []
    for query in queries:
        for place in range(ITEMS):
            colour, thing = rng.integers(len(COLOURS)), rng.choice(THINGS)
            rare = f"{RARE} " if query not in learnt and place % 3 == 0 else ""
            title = f"{rare}{COLOURS[colour]} {thing}"
            price = round(float(rng.uniform(1, 100)), 2)
            rows.append((query, title, price, int(rng.random() < CLICK_CHANCE[colour])))
    return write_rows(path, ("query", "item_title", "item_price", "label"), rows)


def fit_trim_checkpoint(folder: Path) -> tuple[Path, Path]:
    """Fit a tiny model on such a log; return the checkpoint's and the log's path."""
    log = write_trim_log(folder / "log.csv")
    base = make_tiny_model(folder / "base", words=MODEL_WORDS)
    options = {"base_model": base, "learning_rate": 3e-3, "batch_size": 16, "epochs": 2}
    quiet = Reporter(Console(file=io.StringIO()))
    with one_torch_thread():
        Fitter(quiet, SystemClock()).fit(
            log, folder / "checkpoint", make_config(options), resume=False
        )
    return folder / "checkpoint", log


def build(checkpoint: Path, out: Path, trim: TrimOptions | None) -> Built:
    """Build a bundle of two float32 graphs, trimmed or not."""
    options = BuildOptions(candidates=CANDIDATES, judge_slow=True, trim=trim)
    run = build_bundle if trim is None else build_trimmed
    with one_torch_thread():
        return run(checkpoint, out, options, clock=SystemClock(), say=lambda _text: None)
