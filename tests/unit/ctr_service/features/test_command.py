"""`ctr-service features`: load, get, and their mistakes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ctr_service.cli import main
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose schema types the columns."""
    return make_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def run(folder: Path, bundle: Path, *words: str, store: bool = True) -> Result:
    """Run the command on a store below a folder."""
    where = ("--feature-store", str(folder / "store")) if store else ()
    return CliRunner().invoke(main, ["features", *words, "--bundle", str(bundle), *where])


def test_a_table_is_loaded_and_looked_at(tmp_path: Path, bundle: Path) -> None:
    """Load says what came of the file; get prints an item, as text and as JSON."""
    table = tmp_path / "items.csv"
    table.write_text("item_id,title,item_price,item_colour\na,mug,3.5,red\n")
    loaded = run(tmp_path, bundle, "load", str(table), "--json")
    assert loaded.exit_code == 0, loaded.output
    told = json.loads(loaded.stdout)
    assert (told["rows"], told["ignored_columns"]) == (1, ["item_colour"])
    assert told["features"] == ["item.price"]
    found = json.loads(run(tmp_path, bundle, "get", "a", "--json").stdout)
    assert (found["title"], found["features"]) == ("mug", {"price": 3.5})
    assert found["data_version"] == told["version"]
    assert "mug" in run(tmp_path, bundle, "get", "a").stdout
    assert "in use already" in run(tmp_path, bundle, "load", str(table)).stdout


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is empty"),
        ("item_id,title\n", "no rows"),
        ("title\nmug\n", "neither of the columns item_id and user_id"),
        ("item_id,user_id\na,b\n", "both of the columns"),
        ("item_id,title,title\na,b,c\n", "same name"),
        ("item_id,title\n,mug\n", "row 1: item_id is empty"),
        ("item_id,title\na,b,c\n", "row 1 has 3 fields and the header 2"),
        ('item_id,title\na,"b\n', "quote is out of place"),
        ("item_id,title\na," + "t" * 1025 + "\n", "row 1: title has 1025 characters"),
        ("item_id,item_price\na,nan\n", "row 1: item_price must be a finite number"),
    ],
)
def test_a_wrong_table_is_a_sentence(text: str, part: str, tmp_path: Path, bundle: Path) -> None:
    """The sentence names row and column, and the exit code is 1."""
    table = tmp_path / "table.csv"
    table.write_text(text)
    result = run(tmp_path, bundle, "load", str(table))
    assert result.exit_code == 1
    assert part in result.output


def test_without_a_store_the_sentence_says_how_to_name_one(tmp_path: Path, bundle: Path) -> None:
    """Neither folder nor Redis: what to give; and an id that is not there is exit code 1."""
    table = tmp_path / "items.csv"
    table.write_text("item_id,title\na,mug\n")
    for words in (("load", str(table)), ("get", "a")):
        result = run(tmp_path, bundle, *words, store=False)
        assert (result.exit_code, "--feature-store FOLDER" in result.output) == (1, True)
    run(tmp_path, bundle, "load", str(table))
    result = run(tmp_path, bundle, "get", "none")
    assert (result.exit_code, "no such item" in result.output) == (1, True)


def test_parquet_is_read_like_csv(tmp_path: Path, bundle: Path) -> None:
    """Numbers, texts and missing values of a Parquet file mean what they mean in a CSV."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"item_id": [7, 8], "title": ["mug", None], "item_price": [3.5, None]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "items.parquet")
    assert run(tmp_path, bundle, "load", str(tmp_path / "items.parquet")).exit_code == 0
    found = json.loads(run(tmp_path, bundle, "get", "7", "--json").stdout)
    assert (found["title"], found["features"]) == ("mug", {"price": 3.5})
    found = json.loads(run(tmp_path, bundle, "get", "8", "--json").stdout)
    assert (found["title"], found["features"]) == (None, {})
