"""Claims about a distillation from end to end, on tiny models that learn in seconds."""

from __future__ import annotations

import io
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from rich.console import Console
from safetensors.torch import load_file

from ctr_service.clock import SystemClock
from ctr_train.checkpoint import (
    TRAIN_CONFIG_FILE,
    WEIGHTS_FILE,
    digest_files,
    load_checkpoint,
    read_heldout,
    write_info,
)
from ctr_train.commands.distill import distill as distill_command
from ctr_train.commands.evaluate import evaluate
from ctr_train.config import make_config
from ctr_train.distill import Distiller, make_student
from ctr_train.distill_config import make_distill_config
from ctr_train.errors import TrainError
from ctr_train.fit import Fitter
from ctr_train.metrics import auc
from ctr_train.progress import Reporter
from ctr_train.teacher import load_teacher
from tests.support.tiny_checkpoint import make_tiny_checkpoint
from tests.support.tiny_log import COLOURS, THINGS, write_rows
from tests.support.tiny_model import make_tiny_model, one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_train.against_teacher import AgainstTeacher
    from ctr_train.checkpoint import Checkpoint, SplitName


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_torch_thread():
        yield


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 750 rows with positions, in which the title's colour decides."""
    return write_log(tmp_path_factory.mktemp("log") / "log.csv")


@pytest.fixture(scope="module")
def teacher(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fitted checkpoint of 4 layers that no test changes."""
    folder = tmp_path_factory.mktemp("teacher")
    base = make_tiny_model(folder / "base", layers=4)
    options = {"base_model": base, "learning_rate": 3e-3, "batch_size": 16, "epochs": 3}
    config = make_config({**options, "warm_start": "off", "seed": 5})
    Fitter(quiet(), SystemClock()).fit(log, folder / "teacher", config, resume=False)
    return folder / "teacher"


@pytest.fixture(scope="module")
def student(
    teacher: Path, log: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Checkpoint, AgainstTeacher]:
    """A student of 2 layers that no test changes, and its figures beside the teacher's."""
    out = tmp_path_factory.mktemp("student") / "student"
    against = distil(teacher, log, out, epochs=3)
    assert [path.name for path in out.parent.iterdir()] == ["student"]
    return load_checkpoint(out), against


def write_log(path: Path, *, seed: int = 0) -> Path:
    """Write a log of 150 queries with five places each."""
    rng = np.random.default_rng(seed)
    rows = []
    for query in range(150):
        for place in range(1, 6):
            colour, thing = int(rng.integers(len(COLOURS))), int(rng.integers(len(THINGS)))
            chance = (0.95 - 0.18 * colour) * (1.0, 0.8, 0.6, 0.5, 0.4)[place - 1]
            label = int(rng.random() < chance)
            title = f"{COLOURS[colour]} {THINGS[thing]}"
            rows.append((f"lamp {query}", title, place, int(rng.integers(1, 99)), label))
    header = ("query", "item_title", "position", "item_price", "label")
    return write_rows(path, header, rows)


def quiet() -> Reporter:
    """Return a reporter that nobody hears."""
    return Reporter(Console(file=io.StringIO()))


def distil(
    teacher: Path,
    log: Path,
    out: Path,
    *,
    reporter: Reporter | None = None,
    resume: bool = False,
    another_log: bool = False,
    **options: object,
) -> AgainstTeacher:
    """Distil with options that suit a tiny model."""
    given = {"learning_rate": 3e-3, "batch_size": 16, "early_stopping": 0} | options
    if "keep" not in given:
        given = {"layers": 2} | given
    return Distiller(reporter or quiet(), SystemClock()).distill(
        teacher, log, out, make_distill_config(given), resume=resume, another_log=another_log
    )


def test_the_student_is_an_ordinary_checkpoint_of_fewer_layers(
    teacher: Path, student: tuple[Checkpoint, AgainstTeacher]
) -> None:
    """Template, features, examination and tokenizer are the teacher's; half of the layers are."""
    old, new = load_checkpoint(teacher).info, student[0].info
    config = json.loads((student[0].folder / "config.json").read_text())

    assert config["num_hidden_layers"] == 2
    assert (new.template, new.features, new.target) == (old.template, old.features, old.target)
    assert new.examination == old.examination
    assert new.examination is not None
    assert new.examination[4] < 0.8
    assert new.files["tokenizer.json"] == old.files["tokenizer.json"]
    for name in ("split.seed", "split.validation_share", "split.test_share"):
        assert new.metrics[name] == old.metrics[name]
    assert new.metrics["split.seed"] == 5


def test_the_student_is_judged_on_the_teachers_rows(
    teacher: Path, student: tuple[Checkpoint, AgainstTeacher]
) -> None:
    """Both hold the same held-out rows in the same order, and each its own logits."""
    old = load_checkpoint(teacher)
    splits: tuple[SplitName, ...] = ("validation", "test")
    for split in splits:
        theirs, ours = read_heldout(old, split), read_heldout(student[0], split)
        assert ours.row.tolist() == theirs.row.tolist()
        assert ours.segments == theirs.segments
        assert not np.allclose(ours.logit, theirs.logit, atol=1e-3)


def test_the_student_learns_what_the_teacher_knows(
    teacher: Path, student: tuple[Checkpoint, AgainstTeacher]
) -> None:
    """It ranks nearly as the teacher does, which its layers alone did not before the training."""
    held = read_heldout(load_checkpoint(teacher), "test")
    kept = student[1].lift_kept
    mine = read_heldout(student[0], "test")

    assert auc(held.target, held.logit) > 0.7
    assert kept is not None
    assert kept > 0.9
    assert np.corrcoef(mine.logit, held.logit)[0, 1] > 0.9


def test_figures_beside_the_teacher_are_kept(
    teacher: Path, student: tuple[Checkpoint, AgainstTeacher]
) -> None:
    """The checkpoint says who taught it, what that one reached, and what the lost layers cost."""
    checkpoint, against = student
    old = load_checkpoint(teacher)
    record, metrics = checkpoint.info.teacher, checkpoint.info.metrics

    assert record is not None
    assert record.weights_sha256 == old.weights_sha256
    assert record.metrics == old.info.metrics
    assert (record.layers, record.kept) == (4, (0, 2))
    assert metrics["teacher.auc"] == pytest.approx(old.info.metrics["test.auc"])
    cost = metrics["test.auc"] - old.info.metrics["test.auc"]
    assert metrics["student.auc_less_teacher"] == pytest.approx(cost)
    low, high = (metrics[f"student.auc_less_teacher_{end}"] for end in ("low", "high"))
    assert low <= cost <= high
    assert low < high
    assert metrics["student.lift_kept"] == pytest.approx(
        (metrics["test.auc"] - 0.5) / (old.info.metrics["test.auc"] - 0.5)
    )
    assert (metrics["teacher.layers"], metrics["student.layers"]) == (4, 2)
    assert against.student_size.parameters < against.teacher_size.parameters


def test_embeddings_stay_the_teachers(
    teacher: Path, student: tuple[Checkpoint, AgainstTeacher]
) -> None:
    """Training moves the layers and the head, and leaves every embedding as it was."""
    old, new = (load_file(f / WEIGHTS_FILE) for f in (teacher, student[0].folder))
    embeddings = [name for name in new if "embeddings" in name]

    assert len(embeddings) >= 3
    assert all(torch.equal(new[name], old[name]) for name in embeddings)
    assert not torch.equal(new["classifier.weight"], old["classifier.weight"])


def test_an_untrained_student_has_the_teachers_weights(teacher: Path) -> None:
    """Embeddings, the kept layers and the head are the teacher's; positions do not learn."""
    taught = load_teacher(teacher)
    model = make_student(taught, (1, 3), seed=0)
    weights = load_file(teacher / WEIGHTS_FILE)
    own = model.classifier.state_dict()

    assert torch.equal(own["classifier.weight"], weights["classifier.weight"])
    layer = "bert.encoder.layer.{}.output.dense.weight"
    assert torch.equal(own[layer.format(1)], weights[layer.format(3)])
    assert model.examination is not None
    assert not any(p.requires_grad for p in model.examination.parameters())
    curve = taught.checkpoint.info.examination
    assert curve is not None
    assert taught.ties is not None
    learnt = model.examination.examination()[taught.ties[0]]
    assert learnt == pytest.approx(curve, abs=2e-4)


def test_clicks_alone_can_be_left_out_and_layers_named(
    teacher: Path, log: Path, tmp_path: Path
) -> None:
    """A student of chosen layers that learns from the teacher only."""
    distil(teacher, log, tmp_path / "out", keep="3,1", click_share=0)
    record = load_checkpoint(tmp_path / "out").info.teacher
    assert record is not None
    assert record.kept == (1, 3)


def test_a_student_teaches_in_its_turn(
    student: tuple[Checkpoint, AgainstTeacher], log: Path, tmp_path: Path
) -> None:
    """A student's checkpoint is a teacher like any other: one layer of its two."""
    against = distil(student[0].folder, log, tmp_path / "out", layers=1)
    assert (against.student_size.layers, against.teacher_size.layers) == (1, 2)
    assert against.teacher["auc"] == pytest.approx(student[0].info.metrics["test.auc"])


def test_another_log_is_refused_unless_it_is_said(teacher: Path, log: Path, tmp_path: Path) -> None:
    """One row more is another log; with the option it is learnt from, and a warning says so."""
    other = tmp_path / "other.csv"
    other.write_text(log.read_text() + "lamp 3,red lamp,1,7,1\n")
    with pytest.raises(TrainError, match=r"other\.csv is not the log .* --another-log"):
        distil(teacher, other, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [other]

    said = io.StringIO()
    distil(
        teacher,
        other,
        tmp_path / "out",
        another_log=True,
        reporter=Reporter(Console(file=said, width=500)),
    )
    assert "not the teacher's log" in said.getvalue()
    assert load_checkpoint(tmp_path / "out").info.metrics["teacher.auc"] > 0.5


def test_a_log_without_positions_cannot_teach_the_student_of_a_position_model(
    teacher: Path, tmp_path: Path
) -> None:
    """Its clicks would be read as if every row had been looked at."""
    rows = [(f"lamp {n}", f"{COLOURS[n % 6]} lamp", n, n % 2) for n in range(90)]
    other = write_rows(tmp_path / "other.csv", ("query", "item_title", "item_price", "label"), rows)
    with pytest.raises(TrainError, match="no position column"):
        distil(teacher, other, tmp_path / "out", another_log=True)


def test_a_log_whose_features_have_other_types_is_refused(teacher: Path, tmp_path: Path) -> None:
    """A price that is a word; its value stays out of the sentence."""
    rows = [(f"lamp {n}", f"{COLOURS[n % 6]} lamp", n % 5 + 1, f"x{n}", n % 2) for n in range(90)]
    header = ("query", "item_title", "position", "item_price", "label")
    other = write_rows(tmp_path / "other.csv", header, rows)
    with pytest.raises(TrainError, match=r"does not fit the teacher: .*price") as caught:
        distil(teacher, other, tmp_path / "out", another_log=True)
    assert "x1" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [other]


def test_held_out_rows_are_never_learnt_from(teacher: Path, log: Path, tmp_path: Path) -> None:
    """A checkpoint whose record names another seed would split otherwise: it is refused."""
    copy = tmp_path / "copy"
    shutil.copytree(teacher, copy)
    record = json.loads((copy / TRAIN_CONFIG_FILE).read_text())
    record["config"]["seed"] = 6
    (copy / TRAIN_CONFIG_FILE).write_text(json.dumps(record))
    info = load_checkpoint(teacher).info
    write_info(copy, info.model_copy(update={"files": digest_files(copy)}))

    with pytest.raises(TrainError, match=r"rows of the teacher are in the student's training"):
        distil(copy, log, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_the_teacher_is_never_written_over(teacher: Path, log: Path) -> None:
    """Neither itself, nor a folder inside it, nor one that holds it or the log."""
    before = (teacher / "ctr_checkpoint.json").read_bytes()
    outs = (teacher, teacher / "student", teacher / ".." / teacher.name, teacher.parent, log.parent)
    for out in outs:
        with pytest.raises(TrainError, match="would change or replace"):
            distil(teacher, log, out)
    assert (teacher / "ctr_checkpoint.json").read_bytes() == before


class Interrupting(Reporter):
    """Breaks the training off when the second validation pass is reported."""

    def __init__(self) -> None:
        super().__init__(Console(file=io.StringIO()))
        self.passes = 0

    def say(self, text: str) -> None:
        """Count validation passes."""
        self.passes += text.startswith("step ")
        if self.passes > 1:
            raise KeyboardInterrupt


def test_a_resumed_distillation_ends_as_an_uninterrupted_one(
    teacher: Path, log: Path, tmp_path: Path
) -> None:
    """Equal weights, and the teacher is not asked again."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    distil(teacher, log, whole, epochs=2)
    with pytest.raises(KeyboardInterrupt):
        distil(teacher, log, broken, epochs=2, reporter=Interrupting())
    assert not broken.exists()

    said = io.StringIO()
    reporter = Reporter(Console(file=said, width=500))
    distil(teacher, log, broken, epochs=2, resume=True, reporter=reporter)

    assert "going on from checkpoint-" in said.getvalue()
    assert "labelling rows" not in said.getvalue()
    first, second = (load_file(folder / WEIGHTS_FILE) for folder in (whole, broken))
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, rtol=1e-4, atol=1e-5)


def test_the_command_prints_both_models_for_people_and_programs(
    teacher: Path, log: Path, tmp_path: Path
) -> None:
    """A table or JSON on stdout, progress on stderr; `ctr-train evaluate` takes the student."""
    arguments = [str(teacher), "--data", str(log), "--layers", "2", "--threads", "1"]
    people = CliRunner().invoke(distill_command, [*arguments, "--out", str(tmp_path / "a")])
    program = CliRunner().invoke(
        distill_command, [*arguments, "--out", str(tmp_path / "b"), "--json"]
    )
    judged = CliRunner().invoke(
        evaluate,
        [str(log), "--checkpoint", str(tmp_path / "a"), "--against", str(teacher), "--json"],
    )

    assert people.exit_code == 0, people.output
    for words in ("student       teacher", "layers", "parameters", "student less teacher", "kept"):
        assert words in people.stdout
    assert "labelling rows with the teacher" in people.stderr
    content = json.loads(program.stdout)
    assert (content["student"]["layers"], content["teacher"]["layers"]) == (2, 4)
    assert set(content["differences"]) == {"auc", "log_loss"}
    assert judged.exit_code == 0, judged.output
    gap = json.loads(judged.stdout)["differences"]["auc"]["value"]
    assert gap == pytest.approx(content["differences"]["auc"]["value"], abs=1e-6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "how many layers"),
        (["--layers", "5"], "the teacher has 4"),
        (["--layers", "0"], "layers"),
        (["--keep", "0,4"], "there is no layer 4"),
        (["--keep", "0,two"], "whole numbers with commas between"),
        (["--keep", "0,1", "--layers", "3"], "give one of the two"),
        (["--layers", "2", "--temperature", "0"], "temperature"),
        (["--layers", "2", "--click-share", "1"], "click-share"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_writes_nothing(
    teacher: Path, log: Path, tmp_path: Path, options: list[str], sentence: str
) -> None:
    """Exit code 1, no traceback, no folder beside the student's."""
    arguments = [str(teacher), "--data", str(log), "--out", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(distill_command, arguments)

    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: ")
    assert sentence in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoil", ["no teacher", "no checkpoint", "no record", "no log"])
def test_what_is_no_teacher_and_no_log_is_told_in_a_sentence(
    teacher: Path, log: Path, tmp_path: Path, spoil: str
) -> None:
    """A folder that is absent, a plain model folder, a checkpoint of unknown training."""
    place = tmp_path / "teacher"
    if spoil == "no checkpoint":
        make_tiny_model(place)
    if spoil == "no record":
        make_tiny_checkpoint(place)
    if spoil == "no log":
        place, log = teacher, tmp_path / "absent.csv"
    sentence = {
        "no teacher": "is no folder; make a checkpoint with `ctr-train fit`",
        "no checkpoint": "is no complete checkpoint",
        "no record": "does not say how the teacher was trained",
        "no log": "is no file",
    }[spoil]
    out = tmp_path / "student"
    result = CliRunner().invoke(
        distill_command, [str(place), "--data", str(log), "--out", str(out), "--layers", "1"]
    )

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert not out.exists()
    assert not (tmp_path / ".student.work").exists()
