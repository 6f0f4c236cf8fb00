"""What a column is for, by its name."""

from __future__ import annotations

import pytest

from ctr_service.bundle.features import Entity
from ctr_train.columns import ColumnUse, Role, plan_columns
from ctr_train.table import Findings

REQUIRED = ["query", "item_title", "label"]


def plan(*names: str) -> tuple[dict[str, ColumnUse], Findings]:
    """Plan the required columns and more."""
    findings = Findings()
    return plan_columns([*REQUIRED, *names], findings), findings


@pytest.mark.parametrize("name", ["user", "grade", "group", "week", "search_id", "clicked_at"])
def test_a_column_without_prefix_is_no_feature(name: str) -> None:
    """Only item_, user_ and context_ columns are features."""
    uses, _ = plan(name)
    assert uses[name].role is Role.IGNORED


@pytest.mark.parametrize("name", ["user_id", "item_version", "context_session_id", "user_email"])
def test_identifiers_are_no_features(name: str) -> None:
    """A name that says who or which, not what like, is ignored."""
    uses, _ = plan(name)
    assert uses[name].role is Role.IGNORED
    assert "identifier" in uses[name].note


@pytest.mark.parametrize(
    ("name", "entity", "feature"),
    [
        ("item_price", Entity.ITEM, "price"),
        ("user_segment_name", Entity.USER, "segment_name"),
        ("Context Device", Entity.CONTEXT, "Device"),
        ("item_Price USD", Entity.ITEM, "Price USD"),
        ("item.brand", Entity.ITEM, "brand"),
        ("item_品牌", Entity.ITEM, "品牌"),
    ],
)
def test_features_keep_the_spelling_behind_their_prefix(
    name: str, entity: Entity, feature: str
) -> None:
    """A request names a feature as the log does, without the prefix."""
    uses, _ = plan(name)
    assert (uses[name].entity, uses[name].feature) == (entity, feature)


def test_capitals_spaces_and_hyphens_do_not_hide_reserved_names() -> None:
    """`Item Title` is the title, and that is noted."""
    findings = Findings()
    uses = plan_columns(["Query", "Item Title", "LABEL", "Item-ID"], findings)
    assert [use.role for use in uses.values()] == [
        Role.QUERY,
        Role.TITLE,
        Role.LABEL,
        Role.ITEM_ID,
    ]
    assert uses["Item Title"].note == "'item_title'"
    assert not findings.problems


def test_the_exact_name_wins() -> None:
    """Beside `query`, `Query` is ignored; without it, two look-alikes are a problem."""
    uses, findings = plan("Query")
    assert uses["Query"].role is Role.IGNORED
    assert not findings.problems
    plan_columns(["Query", "QUERY", "item_title", "label"], findings)
    assert "could each be 'query'" in findings.problems[0]


def test_a_column_that_stands_twice_is_a_problem() -> None:
    """Two columns of one name cannot be told apart."""
    _, findings = plan("item_price", "item_price")
    assert "'item_price' stands 2 times" in findings.problems[0]


def test_two_spellings_of_one_feature_are_a_problem() -> None:
    """`item_brand` and `item brand` would both be `brand`."""
    _, findings = plan("item_brand", "item brand")
    assert "are one feature" in findings.problems[0]


def test_all_missing_columns_are_named_together() -> None:
    """A user sees every missing column at once, and which columns there are."""
    findings = Findings()
    plan_columns(["position", "clicks"], findings)
    text = "\n".join(findings.problems)
    assert "no column 'query' and no column 'item_title'" in text
    assert "no column 'label'" in text
    assert "The file has 'position', 'clicks'" in text


def test_a_missing_header_is_not_repeated() -> None:
    """The first line may be a row, so its content must not reach a message."""
    findings = Findings()
    plan_columns(["secret search", "secret title", "1"], findings)
    text = "\n".join(findings.problems)
    assert "secret" not in text
    assert "Is the header line missing?" in text
