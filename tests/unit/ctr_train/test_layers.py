"""Claims about which layers a student keeps, and about taking the others out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from ctr_train.click_model import keep_layers
from ctr_train.errors import TrainError
from ctr_train.layers import check_kept, spread_layers
from ctr_train.model import load_classifier
from tests.support.tiny_model import make_tiny_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("total", "keep", "kept"),
    [
        (6, 3, (0, 2, 4)),
        (12, 6, (0, 2, 4, 6, 8, 10)),
        (12, 4, (0, 3, 6, 9)),
        (6, 4, (0, 1, 3, 4)),
        (6, 6, (0, 1, 2, 3, 4, 5)),
        (6, 1, (0,)),
    ],
)
def test_layers_are_evenly_spread(total: int, keep: int, kept: tuple[int, ...]) -> None:
    """Of twice as many every other one, as DistilBERT does."""
    assert spread_layers(total, keep) == kept


@pytest.mark.parametrize("keep", [0, 7, -1])
def test_more_layers_than_the_teacher_has_are_refused(keep: int) -> None:
    """The sentence names both numbers."""
    with pytest.raises(TrainError, match=rf"the teacher has 6, so .* 1 to 6, not {keep}"):
        spread_layers(6, keep)


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        ((0, 6), r"6 layers, 0 to 5; there is no layer 6"),
        ((-1, 2), r"there is no layer -1"),
        ((1, 1), r"named twice in 1,1"),
        ((), r"at least one"),
    ],
)
def test_a_layer_that_is_none_is_named(kept: tuple[int, ...], sentence: str) -> None:
    """Beyond the last, below the first, twice, none at all."""
    with pytest.raises(TrainError, match=sentence):
        check_kept(kept, 6)


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
def test_the_kept_layers_keep_their_weights(kind: str, tmp_path: Path) -> None:
    """Layer 3 of the teacher is layer 1 of the student, and the saved folder loads as such."""
    folder = make_tiny_model(tmp_path / "teacher", kind=kind, layers=4)
    before = load_classifier(folder).state_dict()
    student = load_classifier(folder)
    keep_layers(student, (1, 3))
    student.save_pretrained(tmp_path / "student")
    loaded = load_classifier(tmp_path / "student")
    after = loaded.state_dict()

    assert loaded.config.num_hidden_layers == 2
    assert not any("layer.2." in name for name in after)
    for name, weight in after.items():
        origin = name.replace("layer.1.", "layer.3.").replace("layer.0.", "layer.1.")
        assert torch.equal(weight, before[origin]), name


def test_a_model_without_a_list_of_layers_is_refused(tmp_path: Path) -> None:
    """A config that does not count its layers rightly must not lose the wrong modules."""
    model = load_classifier(make_tiny_model(tmp_path / "teacher", layers=3))
    model.config.num_hidden_layers = 5
    with pytest.raises(TrainError, match="cannot be told apart"):
        keep_layers(model, (0,))
