"""The request log and the CSV: what is read, and how a bad line is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.csv_workload import read_csv
from ctr_bench.errors import BenchError
from ctr_bench.request_log import read_log

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"at_s": 0.0, "query": "mug", "candidates": [{"item_id": "a", "title": "Mug"}]}
PRIVATE = "a person's own words"


def test_a_log_gives_searches_and_their_times(tmp_path: Path) -> None:
    """Every field of a line reaches the message that is sent."""
    second = {
        "at_s": 1.5,
        "query": "lamp",
        "user_id": "u7",
        "user": {"segment": "commuter"},
        "context": {"hour": 8},
        "priority": "bulk",
        "candidates": [
            {"title": "Lamp", "features": {"price": 19.9, "tags": ["hot"]}, "rank": 1},
            {"item_id": "x", "prior_score": 0.25},
        ],
    }
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(GOOD) + "\n\n" + json.dumps(second) + "\n")
    log = read_log(path)
    assert log.recorded_s == [0.0, 1.5]
    message = pb.PredictClicksRequest.FromString(log.searches[1].serialise())
    assert (message.query, message.user.user_id) == ("lamp", "u7")
    assert message.priority == pb.PRIORITY_BULK
    assert message.context_features["hour"].integer == 8
    lamp, other = message.candidates
    assert (lamp.item_id, lamp.rank, lamp.features["price"].number) == ("i0", 1, 19.9)
    assert (other.item_id, other.prior_score) == ("x", 0.25)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"at_s": None}, "at_s"),
        ({"at_s": -1.0}, "at_s falls"),
        ({"query": 7}, "query must be a text"),
        ({"candidates": []}, "candidates must be a list of 1 to 1000"),
        ({"candidates": [{"title": "x"}, {"title": 3}]}, r"candidates\[1\].title"),
        ({"candidates": [{}]}, r"candidates\[0\] needs"),
        ({"candidates": [{"title": "x", "rank": 0}]}, r"candidates\[0\].rank"),
        ({"candidates": [{"title": "x", "colour": PRIVATE}]}, r"candidates\[0\].colour is none of"),
        ({"candidates": [{"item_id": "a"}, {"item_id": "a"}]}, "candidates holds an item_id twice"),
        ({"user": {"age": True}}, "user holds"),
        ({"priority": PRIVATE}, "priority must be interactive or bulk"),
        ({"extra": PRIVATE}, "extra is none of"),
    ],
)
def test_a_malformed_line_is_named_by_number_and_field_without_its_value(
    tmp_path: Path, change: dict[str, object], field: str
) -> None:
    """The second line is wrong: the message says line 2 and the field, and quotes nothing."""
    path = tmp_path / "log.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{json.dumps(GOOD | change)}\n")
    with pytest.raises(BenchError, match=rf"line 2: {field}") as raised:
        read_log(path)
    assert PRIVATE not in str(raised.value)


@pytest.mark.parametrize(("line", "said"), [("{", "no JSON"), ("[]", "no JSON object")])
def test_a_line_that_is_no_object_is_refused(tmp_path: Path, line: str, said: str) -> None:
    """Broken JSON, and JSON of another kind."""
    path = tmp_path / "log.jsonl"
    path.write_text(line)
    with pytest.raises(BenchError, match=f"line 1: is {said}"):
        read_log(path)


def test_a_log_that_is_absent_or_empty_is_named(tmp_path: Path) -> None:
    """The path stands in the message."""
    with pytest.raises(BenchError, match=r"absent\.jsonl cannot be read"):
        read_log(tmp_path / "absent.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(BenchError, match=r"empty\.jsonl holds no request"):
        read_log(tmp_path / "empty.jsonl")


def test_rows_of_one_query_are_one_list_and_a_long_one_is_cut(tmp_path: Path) -> None:
    """Wherever they stand in the file; an item that comes twice is asked for once."""
    path = tmp_path / "pairs.csv"
    path.write_text(
        "query,item_id,title\nmug,1,Mug\nlamp,2,Lamp\nmug,3,Cup\nmug,1,Mug\nmug,4,Jug\n"
    )
    source = read_csv(path, most=2)
    lists = [(s.query, [item.item_id for item in s.items]) for s in source.searches]
    assert lists == [("mug", ["1", "3"]), ("mug", ["4"]), ("lamp", ["2"])]
    assert source.facts["lists"] == 3


@pytest.mark.parametrize("content", ["title\nx\n", "query,text\nq,x\n", "query,title\n", ""])
def test_a_csv_without_the_columns_or_rows_is_refused(tmp_path: Path, content: str) -> None:
    """The message names the file, and what it needs."""
    path = tmp_path / "pairs.csv"
    path.write_text(content)
    with pytest.raises(BenchError, match=r"pairs\.csv (needs|has no row)"):
        read_csv(path, most=16)
