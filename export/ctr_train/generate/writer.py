"""The generated log on disk: a CSV and, beside it, what it is."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from ctr_service.bundle.files import sha256_of, write_text_aside
from ctr_train.generate.examination import DECAY, MEASURED
from ctr_train.generate.figures import bayes_figures

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from ctr_train.generate.log_frame import LogParameters

ABOUT_SUFFIX = ".about.json"
NOTICE = (
    "GENERATED: every product, query, user and click in this log was drawn by "
    "`ctr-train generate`. It shows that the pipeline works, not how people search."
)


def about_path(log: Path) -> Path:
    """Return where the description of a log lies: `LOG.csv.about.json`."""
    return log.with_name(log.name + ABOUT_SUFFIX)


def write_log(path: Path, frame: pd.DataFrame, parameters: LogParameters, seed: int) -> None:
    """Write the log, then its description; each whole or not at all.

    The same frame makes the same bytes on every machine: fixed line ends and decimals.
    """
    write_text_aside(path, to_csv(frame))
    about = {
        "notice": NOTICE,
        "sha256": sha256_of(path),
        "seed": seed,
        "parameters": dataclasses.asdict(parameters),
        "examination": {"measured": MEASURED, "decay_beyond": DECAY},
        "figures": bayes_figures(frame),
        "columns_no_model_may_see": ["search_id", "true_attraction"],
    }
    write_text_aside(about_path(path), json.dumps(about, indent=2) + "\n")


def to_csv(frame: pd.DataFrame) -> str:
    """Return the log as CSV text."""
    prices = frame["item_price"].map("{:.2f}".format)
    attraction = frame["true_attraction"].map("{:.6f}".format)
    shown = frame.assign(item_price=prices, true_attraction=attraction)
    return str(shown.to_csv(index=False, lineterminator="\n"))
