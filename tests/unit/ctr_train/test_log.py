"""Reading a whole log: what comes out, what is refused, and that all problems are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.bundle.features import Entity
from ctr_train.errors import LogError
from ctr_train.log import inspect_log, read_log
from tests.support.log_files import (
    ROWS,
    inspect_csv,
    log_columns,
    with_cells,
    write_csv,
    write_parquet,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_log_is_read_row_by_row(tmp_path: Path) -> None:
    """Every part of a row lands at the row's place, texts untouched."""
    columns = log_columns(
        query=with_cells("  Two  Words ", {1: "", 2: "其他 — ünï"}),
        item_id=[f"id{row}" for row in range(ROWS)],
        search_id=[f"s{row % 30}" for row in range(ROWS)],
        user_segment=with_cells("gold", {2: ""}),
        context_hour=with_cells("7", {3: "23"}),
    )
    log = read_log(write_csv(tmp_path, columns), group_column="search_id")
    assert len(log) == ROWS
    assert log.query[:3] == ["", "其他 — ünï", "  Two  Words "]
    assert log.title[2] == "title 2"
    assert log.item_id[59] == "id59"
    assert log.group[31] == "s1"
    assert log.position is None
    assert log.features[Entity.USER]["segment"][:3] == ["gold", None, "gold"]
    assert log.features[Entity.CONTEXT]["hour"][2] == 23


def test_csv_and_parquet_of_one_table_give_one_log(tmp_path: Path) -> None:
    """The file format changes nothing that is trained on."""
    columns = log_columns(
        label=[row % 2 for row in range(ROWS)],
        position=[1 + row % 5 for row in range(ROWS)],
        item_price=[row / 4 for row in range(ROWS)],
        item_new=[row % 3 == 0 for row in range(ROWS)],
        user_segment=["a", "b", "c"] * 20,
    )
    first, second = (
        read_log(write_csv(tmp_path, columns)),
        read_log(write_parquet(tmp_path, columns)),
    )
    assert (first.query, first.title, first.group) == (second.query, second.title, second.group)
    assert first.features == second.features
    assert first.position is not None
    assert second.position is not None
    np.testing.assert_array_equal(first.position, second.position)
    np.testing.assert_array_equal(first.target, second.target)


def test_the_content_tells_the_format_not_the_name(tmp_path: Path) -> None:
    """Parquet named .csv is read; CSV named .parquet is refused with the reason."""
    parquet = write_parquet(tmp_path, log_columns()).rename(tmp_path / "really.csv")
    assert len(read_log(parquet)) == ROWS
    text = write_csv(tmp_path, log_columns()).rename(tmp_path / "really.parquet")
    with pytest.raises(LogError, match="does not begin with PAR1"):
        read_log(text)


def test_take_keeps_every_part_in_step(tmp_path: Path) -> None:
    """A part of a log holds the asked rows in the asked order, in every field."""
    log = read_log(
        write_csv(tmp_path, log_columns(position=range(1, ROWS + 1), item_f=range(ROWS)))
    )
    part = log.take(np.array([5, 2]))
    assert (part.query, part.title) == (["query 5", "query 2"], ["title 5", "title 2"])
    assert part.target.tolist() == [1.0, 0.0]
    assert part.position is not None
    assert part.position.tolist() == [6, 3]
    assert part.features[Entity.ITEM]["f"] == [5, 2]
    assert part.group == ["query 5", "query 2"]


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    """An absent path is a sentence, not a traceback."""
    with pytest.raises(LogError, match="does not exist"):
        read_log(tmp_path / "absent.csv")


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    """A folder is refused with advice."""
    with pytest.raises(LogError, match="is a folder"):
        read_log(tmp_path)


def test_an_unreadable_file_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses is passed on in its words."""
    path = write_csv(tmp_path, log_columns())

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", refuse)
    with pytest.raises(LogError, match="cannot be read: Permission denied"):
        read_log(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """Zero bytes are no log, whatever the name."""
    for name in ("log.csv", "log.parquet"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(LogError, match="is empty"):
            read_log(tmp_path / name)


def test_all_problems_are_told_together(tmp_path: Path) -> None:
    """A user mends a log once, not once a problem."""
    columns = log_columns(
        label=with_cells("0", {1: "2", 2: "x", 3: "1"}),
        position=with_cells("1", {4: "0"}),
        item_price=with_cells("1", {5: "inf"}),
    )
    with pytest.raises(LogError) as caught:
        read_log(write_csv(tmp_path, columns), group_column="nowhere")
    assert len(caught.value.problems) == 5
    text = str(caught.value)
    assert text.startswith("5 problems:\n- ")
    for word in ("'label' is outside", "'label' is no number", "'position'", "'item_price'"):
        assert word in text
    assert "no column 'nowhere' to group by" in text


def test_uneven_rows_do_not_shift_the_numbers_of_other_problems(tmp_path: Path) -> None:
    """Row numbers are those of the file even when a row before them cannot be read."""
    path = write_csv(tmp_path, log_columns(label=with_cells("0", {1: "1", 9: "7"})))
    lines = path.read_text().splitlines()
    lines[3] += ",surplus"
    path.write_text("\n".join(lines))
    problems = inspect_log(path).problems
    assert "row 3" in problems[0]
    assert "'label' is outside 0 to 1 in 1 of 60 rows (row 9)" in problems[1]


def test_a_row_that_says_nothing_is_a_problem(tmp_path: Path) -> None:
    """Without query, title and features there is nothing to score by."""
    columns = log_columns(
        query=with_cells("q", {4: " ", 5: ""}), item_title=with_cells("t", {4: ""})
    )
    columns["group"] = [f"g{row}" for row in range(ROWS)]
    problems = inspect_csv(tmp_path, columns, group="group").problems
    assert len(problems) == 1
    assert "are empty in 1 of 60 rows (row 4)" in problems[0]


def test_features_alone_make_a_row(tmp_path: Path) -> None:
    """Query and title may be empty in every row where features speak."""
    columns = log_columns(
        query=[""] * ROWS,
        item_title=[""] * ROWS,
        item_colour=["red", "blue"] * 30,
        user_cohort=[f"c{row}" for row in range(ROWS)],
    )
    assert inspect_csv(tmp_path, columns, group="user_cohort").log is not None


def test_what_is_ignored_is_said_aloud(tmp_path: Path) -> None:
    """No column vanishes in silence."""
    columns = log_columns(grade=range(ROWS), week=range(ROWS), user=[""] * ROWS)
    log = inspect_csv(tmp_path, columns).log
    assert log is not None
    assert any("'grade', 'week', 'user' are ignored: not a feature" in n for n in log.notices)


def test_too_many_features_are_a_problem(tmp_path: Path) -> None:
    """A request carries at most 64 features an entity."""
    columns = log_columns(**{f"item_f{index}": range(ROWS) for index in range(65)})
    assert "65 item features" in inspect_csv(tmp_path, columns).problems[0]


def test_a_nested_title_is_a_problem_not_an_empty_one(tmp_path: Path) -> None:
    """A required column of bytes or structs must not be taken for empty."""
    columns = log_columns(item_title=[{"en": "a"}] * ROWS)
    problems = inspect_log(write_parquet(tmp_path, columns)).problems
    assert any("'item_title' holds bytes or a nested type" in problem for problem in problems)


def test_no_message_ever_holds_content(tmp_path: Path) -> None:
    """Queries, titles and values stay out of problems and notices."""
    columns = log_columns(
        query=with_cells("hush secret", {1: "x" * 300}),
        item_title=with_cells("secret title", {2: "y" * 2000}),
        label=with_cells("0", {1: "secret", 2: "1"}),
        item_colour=with_cells("4", {3: "secret"}),
        user_note=["secret"] * ROWS,
    )
    inspection = inspect_csv(tmp_path, columns)
    text = "\n".join(inspection.problems + inspection.notices)
    assert inspection.problems
    assert "secret" not in text
    assert "xxx" not in text
