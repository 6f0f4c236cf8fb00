"""`ctr-train check`, as a user runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from ctr_train.commands.check import check
from tests.support.log_files import ROWS, log_columns, with_cells, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def run(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(check, [str(argument) for argument in arguments])


def good_log(folder: Path) -> Path:
    """A log with a feature of each entity."""
    return write_csv(
        folder,
        log_columns(
            item_price=[row / 7 for row in range(ROWS)],
            user_segment=["a", "b", "c"] * 20,
            context_hour=[row % 24 for row in range(ROWS)],
            grade=["1", "2"] * 30,
        ),
    )


def report_of(result: Result) -> dict[str, Any]:
    """The JSON that the command printed."""
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_it_prints_columns_splits_and_notices(tmp_path: Path) -> None:
    """A person sees how each column is used and how the rows would be split."""
    result = run(good_log(tmp_path))
    assert result.exit_code == 0
    assert "feature item.price (number, 11 buckets)" in result.stdout
    assert "feature user.segment (text)" in result.stdout
    assert "'grade'" in result.stdout
    assert "validation" in result.stdout
    assert result.stdout.rstrip().endswith("It can be trained on.")


def test_json_holds_the_same_for_machines(tmp_path: Path) -> None:
    """Counts of all splits add up to those of the log."""
    report = report_of(run(good_log(tmp_path), "--json"))
    assert report["rows"] == report["counts"]["rows"] == ROWS
    for figure in ("rows", "groups", "impressions", "clicks"):
        parts = [counts[figure] for counts in report["splits"].values()]
        assert sum(parts) == report["counts"][figure]
    price = next(column for column in report["columns"] if column["name"] == "item_price")
    assert (price["use"], price["feature"], price["type"]) == ("feature", "item.price", "number")
    assert report["problems"] == []


def test_problems_end_with_one(tmp_path: Path) -> None:
    """Every problem is printed, in text and JSON, and the exit code says so."""
    path = write_csv(tmp_path, log_columns(label=with_cells("0", {1: "5", 2: "x", 3: "1"})))
    result = run(path)
    assert result.exit_code == 1
    assert "'label' is outside 0 to 1 in 1 of 60 rows (row 1)" in result.stdout
    assert result.stdout.rstrip().endswith("It must not be trained on.")
    result = run(path, "--json")
    assert result.exit_code == 1
    assert len(report_of(result)["problems"]) == 2


def test_an_unreadable_file_is_a_sentence(tmp_path: Path) -> None:
    """No traceback for a wrong path, and valid JSON all the same."""
    result = run(tmp_path / "absent.csv", "--json")
    assert result.exit_code == 1
    assert "does not exist" in report_of(result)["problems"][0]
    assert not isinstance(result.exception, OSError)


def test_one_sided_splits_are_problems(tmp_path: Path) -> None:
    """A click in one query alone cannot be both learnt and judged."""
    result = run(write_csv(tmp_path, log_columns(label=with_cells("0", {1: "1"}))))
    assert result.exit_code == 1
    assert "has one click rate only" in result.stdout


def test_impossible_shares_are_wrong_usage(tmp_path: Path) -> None:
    """Shares that leave nothing to train on exit with 2, as wrong options do."""
    result = run(good_log(tmp_path), "--test-share", "0.95")
    assert result.exit_code == 2
    assert "share" in result.stderr


def test_seed_and_group_choose_the_split(tmp_path: Path) -> None:
    """The same options as in training show the same split."""
    path = good_log(tmp_path)
    first, again, other = (
        report_of(run(path, "--json", "--validation-share", "0.3", "--seed", seed))["splits"]
        for seed in ("0", "0", "1")
    )
    assert first == again
    assert first != other
    grouped = report_of(run(path, "--json", "--group", "item_title"))
    assert grouped["group_column"] == "item_title"
    assert grouped["counts"]["groups"] == ROWS


def test_the_output_holds_no_text_of_the_log(tmp_path: Path) -> None:
    """Queries and titles stay out of terminals and build logs."""
    columns = log_columns(query=[f"hush {row}" for row in range(ROWS)], item_f=["hush"] * ROWS)
    path = write_csv(tmp_path, columns)
    assert "hush" not in run(path).stdout + run(path, "--json").stdout


def test_help_teaches() -> None:
    """The help names the columns, the defaults and an example."""
    text = run("--help").stdout
    for word in ("item_title", "impressions", "default: query", "Example", "ctr-train check"):
        assert word in text
