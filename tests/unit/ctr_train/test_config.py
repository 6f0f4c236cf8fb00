"""Claims about options: flags, TOML file, defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_train.commands.options import FLAGS
from ctr_train.config import TrainConfig, make_config
from ctr_train.errors import TrainError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_flag_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    """A flag that was not given leaves the file's value."""
    path = tmp_path / "fit.toml"
    path.write_text('learning-rate = 1e-4\nbatch_size = 16\nfreeze = "layers:2"\n')

    config = make_config({"batch_size": 64, "learning_rate": None}, path)

    assert (config.batch_size, config.learning_rate) == (64, 1e-4)
    assert config.frozen_layers == 2
    assert config.seed == TrainConfig().seed


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"learning_rate": -1.0}, "learning-rate: .*greater than 0"),
        ({"epochs": "0"}, "epochs must be auto or at least 1"),
        ({"freeze": "all"}, "freeze: "),
        ({"lora_rank": 4, "freeze": "embeddings"}, "lora_rank already freezes"),
        ({"no_such_option": 1}, "no-such-option: "),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], sentence: str) -> None:
    """The sentence says which option and which limit."""
    with pytest.raises(TrainError, match=sentence):
        make_config(options)


@pytest.mark.parametrize("content", ["learning_rate = ", "\xff"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: str) -> None:
    """Broken TOML and bytes that are no UTF-8 give a sentence with the file's name."""
    path = tmp_path / "fit.toml"
    path.write_bytes(content.encode("latin-1"))

    with pytest.raises(TrainError, match=r"fit\.toml is no TOML file"):
        make_config({}, path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere is told, not ignored."""
    with pytest.raises(TrainError, match="cannot be read"):
        make_config({}, tmp_path / "absent.toml")


def test_every_option_has_a_flag_and_a_help_text() -> None:
    """No field of the config is unreachable from the command line."""
    assert set(FLAGS) == set(TrainConfig.model_fields)
    assert all(field.description for field in TrainConfig.model_fields.values())
