"""`ctr-train distill`: a checkpoint teaches a student of fewer layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_train.commands.options import distill_options
from ctr_train.commands.table import figure_table
from ctr_train.distill_config import make_distill_config
from ctr_train.errors import TrainError

if TYPE_CHECKING:
    from ctr_train.against_teacher import AgainstTeacher, Size


@click.command()
@click.argument("teacher", type=click.Path(path_type=Path))
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="The click log that the teacher was trained on; its digest is checked.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the student's checkpoint; it appears whole when the training is over.",
)
@click.option(
    "--another-log",
    is_flag=True,
    help="Learn from a log that the teacher was not trained on. Groups are split by the same hash, "
    "so a group of the teacher's test split is no training row as long as its name is the same.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on where the same distillation was stopped, if a state of it is left.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@distill_options
def distill(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    teacher: Path,
    data: Path,
    out: Path,
    another_log: bool,  # noqa: FBT001 -- click passes a flag as an argument
    resume: bool,  # noqa: FBT001 -- the same
    as_json: bool,  # noqa: FBT001 -- the same
    **options: object,
) -> None:
    """Make a student of fewer layers, taught by the checkpoint TEACHER.

    The student begins with some of the teacher's layers and is trained on the teacher's training
    rows: on what the teacher says of them, and with a smaller weight on the log's own clicks.
    Split, template, features and position model are the teacher's, and no row that it was judged on
    is learnt from. The student is an ordinary checkpoint.

    \b
    Examples:
      ctr-train distill build/checkpoint --data clicks.csv --out build/student --layers 3
      ctr-train distill build/checkpoint --data clicks.csv --out build/student --keep 0,3,5 \\
        --epochs 2 --resume
      ctr-export build build/student --out build/student-bundle
      ctr-export compare build/bundle build/student-bundle --rows build/checkpoint
    """  # noqa: D301 -- click reads the character that this escape makes
    try:
        config = make_distill_config(options)
        from ctr_service.clock import SystemClock  # noqa: PLC0415 -- after the options were checked
        from ctr_train.distill import Distiller  # noqa: PLC0415 -- imports PyTorch, which takes seconds
        from ctr_train.progress import Reporter  # noqa: PLC0415 -- the same
        from ctr_train.runtime import settle_libraries  # noqa: PLC0415 -- the same

        settle_libraries(config.threads)
        against = Distiller(Reporter(), SystemClock()).distill(
            teacher, data, out, config, resume=resume, another_log=another_log
        )
    except (TrainError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(_json(out, against) if as_json else _text(out, against))


def _json(out: Path, against: AgainstTeacher) -> str:
    content = {
        "checkpoint": str(out),
        "student": {**_size(against.student_size), **against.student},
        "teacher": {**_size(against.teacher_size), **against.teacher},
        "lift_kept": against.lift_kept,
        "differences": {
            name: {"value": gap.value, "low": gap.low, "high": gap.high}
            for name, gap in against.differences.items()
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _text(out: Path, against: AgainstTeacher) -> str:
    sizes = (against.student_size, against.teacher_size)
    lines = figure_table({"student": against.student, "teacher": against.teacher})
    lines += [
        f"{'layers':<26}" + "".join(f"{size.layers:>14}" for size in sizes),
        f"{'parameters':<26}" + "".join(f"{size.parameters:>14,}" for size in sizes),
        "",
        "on the test rows, student less teacher",
        *(f"  {name}: {gap}" for name, gap in against.differences.items()),
    ]
    if against.lift_kept is not None:
        lines += [f"share of the teacher's AUC above 0.5 that is kept: {against.lift_kept:.3f}"]
    return "\n".join([*lines, "", f"checkpoint: {out}"])


def _size(size: Size) -> dict[str, int]:
    return {"layers": size.layers, "parameters": size.parameters}
