"""The Open Bandit Dataset recipe, on made files of its format and on the real wheel."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ctr_service.bundle.features import Entity
from ctr_train.errors import LogError
from ctr_train.log import read_log
from ctr_train.recipes.obp import CAMPAIGNS, convert_obp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[3]
ITEMS = 3
IMPRESSIONS = 40


def made_files(folder: Path) -> Path:
    """Write files of the wheel's format under `folder`, 40 impressions a campaign."""
    for campaign in CAMPAIGNS:
        place = folder / "obp/dataset/obd/random" / campaign
        place.mkdir(parents=True)
        items = [
            {"": i, "item_id": i, "item_feature_0": i - 0.5}
            | {f"item_feature_{f}": f"{campaign}{f}{i}" * 4 for f in (1, 2, 3)}
            for i in range(ITEMS)
        ]
        _write(place / "item_context.csv", items)
        _write(place / f"{campaign}.csv", [_impression(row) for row in range(IMPRESSIONS)])
    return folder


def _impression(row: int) -> dict[str, object]:
    return (
        {"": row, "timestamp": f"2019-11-{24 + row % 7} 10:00:00.5+00:00", "item_id": row % ITEMS}
        | {"position": 1 + row % 3, "click": int(row % 4 == 0), "propensity_score": 0.33}
        | {f"user_feature_{f}": f"digest{f}{row % 10}" for f in range(4)}
        | {f"user-item_affinity_{i}": float(i) for i in range(ITEMS)}
    )


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def made_wheel(folder: Path) -> Path:
    """Pack the made files as a wheel."""
    source = made_files(folder / "unpacked")
    path = folder / "obp-0.4.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(source.rglob("*.csv")):
            archive.write(file, file.relative_to(source))
    return path


def test_the_three_campaigns_become_one_log(tmp_path: Path) -> None:
    """Every impression is a row that read_log takes, with position and features."""
    converted = convert_obp(made_wheel(tmp_path))
    assert (converted.rows, converted.clicks) == (3 * IMPRESSIONS, 30)
    path = tmp_path / "log.csv"
    path.write_text(converted.text)
    log = read_log(path, group_column="group")
    assert len(log) == 3 * IMPRESSIONS
    assert set(log.query) == {""}
    assert log.position is not None
    assert set(log.position.tolist()) == {1, 2, 3}
    assert set(log.features[Entity.CONTEXT]["campaign"]) == set(CAMPAIGNS)
    assert log.features[Entity.ITEM]["affinity"][:3] == [0, 1, 2]
    assert log.features[Entity.ITEM]["feature_0"][:3] == [-0.5, 0.5, 1.5]
    assert len(set(log.item_id)) == 3 * ITEMS


def test_users_of_equal_features_are_one_group(tmp_path: Path) -> None:
    """Ten combinations of user features, in every campaign, are ten groups."""
    converted = convert_obp(made_wheel(tmp_path))
    rows = list(csv.DictReader(converted.text.splitlines()))
    by_user: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        user = tuple(row[f"user_feature_{index}"] for index in range(4))
        by_user.setdefault(user, set()).add(row["group"])
    assert converted.groups == len(by_user) == 10
    assert all(len(groups) == 1 for groups in by_user.values())


def test_digests_become_letters(tmp_path: Path) -> None:
    """Categories are short words, so that a row stays within its tokens."""
    rows = list(csv.DictReader(convert_obp(made_wheel(tmp_path)).text.splitlines()))
    assert {row["user_feature_1"] for row in rows} == set("abcdefghij")
    assert {row["item_feature_2"] for row in rows} == set("abcdefghi")


def test_wheel_and_folders_give_the_same_log(tmp_path: Path) -> None:
    """A packed wheel, an unpacked one and its data folder are all fine."""
    wheel = made_wheel(tmp_path)
    expected = convert_obp(wheel)
    assert convert_obp(tmp_path / "unpacked") == expected
    assert convert_obp(tmp_path / "unpacked/obp/dataset/obd") == expected


def test_another_file_is_refused_with_the_way_to_get_it(tmp_path: Path) -> None:
    """No wheel, another wheel, another format: each says what to do."""
    with pytest.raises(LogError, match=r"does not exist.*pip download --no-deps obp==0\.4\.1"):
        convert_obp(tmp_path / "absent.whl")
    (tmp_path / "text.whl").write_text("no archive")
    with pytest.raises(LogError, match="is no wheel"):
        convert_obp(tmp_path / "text.whl")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other/__init__.py", "")
    with pytest.raises(LogError, match="holds no readable random/all"):
        convert_obp(tmp_path / "other.whl")
    folder = made_files(tmp_path / "changed")
    _write(folder / "obp/dataset/obd/random/men/men.csv", [{"item_id": 0, "clicked": 1}])
    with pytest.raises(LogError, match="no column or item"):
        convert_obp(folder)


def test_the_real_wheel_holds_what_the_recipe_says(tmp_path: Path) -> None:
    """30,000 impressions and 130 clicks, read as a log that can be split by user group."""
    wheels = sorted((ROOT / "build").glob("**/obp-0.4.1-*.whl"))
    if not wheels:
        pytest.skip("no wheel in build/: pip download --no-deps --dest build obp==0.4.1")
    converted = convert_obp(wheels[0])
    assert (converted.rows, converted.clicks, converted.groups) == (30_000, 130, 296)
    path = tmp_path / "obp.csv"
    path.write_text(converted.text)
    log = read_log(path, group_column="group")
    assert log.target.sum() == 130
    assert log.position is not None
    assert sorted(set(log.position.tolist())) == [1, 2, 3]
    largest = max(map(log.group.count, set(log.group)))
    assert largest < 0.1 * len(log)
