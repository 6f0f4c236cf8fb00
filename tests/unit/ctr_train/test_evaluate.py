"""Claims about judging checkpoints and bundles on a log."""

from __future__ import annotations

import io
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from rich.console import Console

from ctr_train.bundle_scorer import BundleModel
from ctr_train.checkpoint_scorer import CheckpointModel
from ctr_train.commands.evaluate import evaluate
from ctr_train.errors import CheckpointError, TrainError
from ctr_train.evaluate import SplitSpec, evaluate_models
from ctr_train.log import read_log
from ctr_train.progress import Reporter
from ctr_train.scoring import examination_figures, examination_of
from ctr_train.split import split_by_group
from tests.support.tiny_bundle import make_tiny_bundle
from tests.support.tiny_checkpoint import make_tiny_checkpoint
from tests.support.tiny_log import write_rows, write_tiny_log

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_train.evaluate import Evaluation
    from ctr_train.scoring import ScoringModel


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled log of 240 rows."""
    return write_tiny_log(tmp_path_factory.mktemp("log") / "log.csv")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint."""
    return make_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle around a hand-made graph."""
    return make_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def run(
    log: Path, models: list[ScoringModel], part: str = "test", most: int = 10_000
) -> Evaluation:
    """Evaluate on the split that the first model was trained with."""
    spec = SplitSpec.of_training(part, models[0].figures, seed=None, most=most)
    return evaluate_models(read_log(log), models, spec, Reporter(Console(file=io.StringIO())))


def test_a_checkpoint_is_judged_on_the_split_it_was_trained_with(
    log: Path, checkpoint: Path
) -> None:
    """The test rows are those of the seed and shares in its figures."""
    model = CheckpointModel(checkpoint)
    model.figures = {"split.seed": 3.0, "split.validation_share": 0.2, "split.test_share": 0.3}
    evaluation = run(log, [model])
    expected = split_by_group(read_log(log).group, seed=3, validation_share=0.2, test_share=0.3)

    assert evaluation.rows.tolist() == expected.test.tolist()


def test_a_checkpoint_scores_like_its_held_out_logits(checkpoint: Path, tmp_path: Path) -> None:
    """The same texts in a log get the logits that the checkpoint holds."""
    held = pq.read_table(checkpoint / "heldout.parquet").to_pydict()
    rows = [
        (query, title, *_features(item, user), index % 2)
        for index, (query, title, item, user) in enumerate(held["segments"])
    ]
    header = ("query", "item_title", "item_price", "item_brand", "user_segment", "label")
    path = write_rows(tmp_path / "log.csv", header, rows)
    evaluation = run(path, [CheckpointModel(checkpoint)], part="all")

    assert evaluation.scores[0].logit == pytest.approx(held["logit"], abs=1e-5)


def test_a_bundle_scores_through_its_calibration(log: Path, bundle: Path) -> None:
    """Probabilities are the default variant's calibration of the graph's logits."""
    model = BundleModel(bundle, threads=1)
    scores = run(log, [model], part="all").scores[0]

    assert np.all((scores.probability > 0) & (scores.probability < 1))
    assert scores.logit.std() > 0
    order = np.argsort(scores.logit)
    assert np.all(np.diff(scores.probability[order]) >= 0)


def test_a_row_scores_the_same_whatever_else_is_scored(log: Path, bundle: Path) -> None:
    """Sorting and padding in chunks change no logit and no order."""
    model = BundleModel(bundle, threads=1)
    clicks = read_log(log)
    together = model.score(clicks, lambda _rows: None).logit
    alone = [model.score(clicks.take([row]), lambda _rows: None).logit[0] for row in (0, 100, 239)]

    assert together[[0, 100, 239]] == pytest.approx(alone, abs=1e-5)


def test_two_models_are_compared_on_the_same_rows(
    log: Path, checkpoint: Path, bundle: Path
) -> None:
    """A model against itself does not differ; against another the gap is that of the figures."""
    model = CheckpointModel(checkpoint)
    same = run(log, [model, model], part="all")
    other = run(log, [model, BundleModel(bundle, threads=1)], part="all")
    figures = [part.figures["auc"] for part in other.assessments]

    assert same.differences["log_loss"].value == 0
    assert other.differences["auc"].value == pytest.approx(figures[0] - figures[1])


def test_a_limit_of_rows_is_kept(log: Path, bundle: Path) -> None:
    """Whole groups up to the limit."""
    evaluation = run(log, [BundleModel(bundle, threads=1)], part="all", most=50)

    assert len(evaluation.rows) == 48


def test_a_feature_of_another_type_is_named(checkpoint: Path, tmp_path: Path) -> None:
    """A log whose price is a word does not fit, and its values stay out of the sentence."""
    rows = [(f"lamp {row}", "red lamp", f"cheap{row}", row % 2) for row in range(40)]
    path = write_rows(tmp_path / "log.csv", ("query", "item_title", "item_price", "label"), rows)

    with pytest.raises(TrainError, match=r"item\.price must be of type number") as caught:
        run(path, [CheckpointModel(checkpoint)], part="all")
    assert "cheap" not in str(caught.value)


def test_a_spoilt_checkpoint_and_a_spoilt_bundle_are_refused(
    checkpoint: Path, bundle: Path, tmp_path: Path
) -> None:
    """One missing file each."""
    for folder, name in ((checkpoint, "tokenizer.json"), (bundle, "tokenizer.json")):
        copy = tmp_path / folder.parent.name
        shutil.copytree(folder, copy)
        (copy / name).unlink()
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        CheckpointModel(tmp_path / checkpoint.parent.name)
    with pytest.raises(TrainError, match=r"tokenizer\.json"):
        BundleModel(tmp_path / bundle.parent.name, threads=1)


@pytest.mark.parametrize("examination", [(1.0,), (1.0, 0.5), (1.0, 0.5, 0.5, 0.2, 0.2, 0.2)])
def test_examination_survives_as_figures(examination: tuple[float, ...]) -> None:
    """A bundle keeps figures only; positions beyond the last take the last, so the tail may go."""
    found = examination_of(examination_figures(examination))

    assert found is not None
    padded = found + found[-1:] * (len(examination) - len(found))
    assert padded == examination


def test_the_command_prints_tables_and_json_and_writes_scores(
    log: Path, checkpoint: Path, bundle: Path, tmp_path: Path
) -> None:
    """For people a table with the difference, for programs JSON, and a Parquet file of scores."""
    scores = tmp_path / "scores.parquet"
    arguments = [str(log), "--checkpoint", str(checkpoint), "--against", str(bundle)]
    arguments += ["--split", "all", "--threads", "1"]
    people = CliRunner().invoke(evaluate, [*arguments, "--scores-out", str(scores)])
    program = CliRunner().invoke(evaluate, [*arguments, "--json"])

    assert people.exit_code == 0, people.output
    table = pq.read_table(scores)
    assert "model less against" in people.stdout
    content = json.loads(program.stdout)
    assert [set(model) for model in content["models"]] == [{"name", "figures"}] * 2
    assert set(content["differences"]) == {"auc", "log_loss"}
    assert table.num_rows == 240
    assert {"row", "logit", "probability", "against_probability"} <= set(table.column_names)


def test_the_command_needs_exactly_one_model(log: Path, checkpoint: Path, bundle: Path) -> None:
    """Neither and both are usage errors."""
    both = ["--checkpoint", str(checkpoint), "--bundle", str(bundle)]
    for extra in ([], both):
        result = CliRunner().invoke(evaluate, [str(log), *extra])
        assert result.exit_code == 2
        assert "give one of --checkpoint and --bundle" in result.output


def _features(item: str, user: str) -> tuple[str, str, str]:
    """Turn rendered texts back into values that render to them."""
    price, brand = item.removeprefix("price ").split(", brand ")
    value = ("5", "20", "100", "250")[int(price)]
    known = "" if brand == "unknown" else brand
    return value, known, user.removeprefix("segment ")
