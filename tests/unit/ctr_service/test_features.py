"""Claims of `ctr_service.bundle.features`: one formatter, for log files and wire alike."""

from __future__ import annotations

import bisect
import contextlib
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ctr_service.bundle.features import Entity, FeatureSchema, FeatureSpec, FeatureType, is_missing
from ctr_service.errors import Reason, RequestInvalidError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_service.types import FeatureValue

PRICE = FeatureSpec(name="unit_price", entity=Entity.ITEM, type=FeatureType.NUMBER)
BUCKETED = FeatureSpec(
    name="price", entity=Entity.ITEM, type=FeatureType.NUMBER, edges=(10.0, 50.0, 200.0)
)
BRAND = FeatureSpec(name="brand", entity=Entity.ITEM, type=FeatureType.TEXT)
TAGS = FeatureSpec(name="tags", entity=Entity.USER, type=FeatureType.TEXTS)
INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES: st.SearchStrategy[FeatureValue | None] = st.one_of(
    st.none(), st.floats(), INT64, st.text(), st.lists(st.text(), max_size=3).map(tuple)
)


@given(number=st.integers(-(2**53), 2**53))
def test_an_integer_and_its_double_read_the_same(number: int) -> None:
    """A CSV 3 and a wire 3.0 give the model the same text."""
    for spec in (PRICE, BUCKETED):
        assert spec.render(number) == spec.render(float(number))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "unit price 3"),
        (3.0, "unit price 3"),
        (0.1 + 0.2, "unit price 0.3"),
        (-0.0, "unit price 0"),
        (-1e-12, "unit price -1e-12"),
        (1234567, "unit price 1.23457e+06"),
        (None, "unit price unknown"),
    ],
)
def test_numbers_read_as_people_write_them(value: FeatureValue | None, text: str) -> None:
    """Label with spaces, six digits, no minus before zero, a word for what is missing."""
    assert PRICE.render(value) == text


@given(number=st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(BUCKETED.edges))
def test_a_bucketed_number_reads_as_the_edges_at_or_below_it(number: float) -> None:
    """The bucket's index counts the edges that the number has reached."""
    expected = sum(number >= edge for edge in BUCKETED.edges)
    assert BUCKETED.render(number) == f"price {expected}"
    assert expected == bisect.bisect_right(BUCKETED.edges, number)


@pytest.mark.parametrize("spec", [PRICE, BRAND, TAGS])
@pytest.mark.parametrize("missing", [None, "", ()])
def test_an_absent_or_empty_value_is_missing(
    spec: FeatureSpec, missing: FeatureValue | None
) -> None:
    """None, an empty text and an empty list all count as missing, whatever the type."""
    assert is_missing(missing)
    assert spec.render(missing) == f"{spec.label} unknown"


def test_a_default_stands_in_for_a_missing_value() -> None:
    """It reads as if it had been sent."""
    number = PRICE.model_copy(update={"default": 7.0})
    text = BRAND.model_copy(update={"default": "no name"})
    assert number.render(None) == number.render(7) == "unit price 7"
    assert text.render("") == text.render("no name") == "brand no name"
    assert not is_missing(0.0)


@given(value=VALUES | st.booleans() | st.sampled_from(BUCKETED.edges))
@pytest.mark.parametrize("spec", [PRICE, BUCKETED, BRAND, TAGS])
def test_a_writer_renders_as_its_spec_does(spec: FeatureSpec, value: FeatureValue | None) -> None:
    """The gateway's quick way and the trainer's give the same text or the same error."""

    def outcome(render: Callable[[FeatureValue | None], str]) -> str | tuple[Reason, str]:
        try:
            return render(value)
        except RequestInvalidError as error:
            return error.reason, str(error)

    assert outcome(spec.writer()) == outcome(spec.render)


def test_texts_keep_their_order() -> None:
    """Several texts are joined as they come."""
    assert TAGS.render(("b", "a")) == "tags b, a"


@pytest.mark.parametrize(
    ("spec", "value", "sent"),
    [
        (PRICE, "3", "text"),
        (PRICE, ("3",), "texts"),
        (PRICE, True, "number"),
        (BRAND, 3, "number"),
        (BRAND, ("x",), "texts"),
        (TAGS, "x", "text"),
        (TAGS, 2.0, "number"),
    ],
)
def test_another_type_is_refused_by_name(spec: FeatureSpec, value: FeatureValue, sent: str) -> None:
    """The error names field, wanted and sent type."""
    with pytest.raises(RequestInvalidError) as refused:
        spec.render(value)
    assert refused.value.reason is Reason.FEATURE_TYPE_MISMATCH
    assert refused.value.metadata == {
        "field": spec.qualified_name,
        "limit": spec.type.value,
        "size": sent,
    }


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("spec", [PRICE, BUCKETED])
def test_a_number_must_be_finite(spec: FeatureSpec, number: float) -> None:
    """NaN is not missing: the caller has a defect that should be seen."""
    with pytest.raises(RequestInvalidError) as refused:
        spec.render(number)
    assert refused.value.reason is Reason.NUMBER_NOT_FINITE
    assert refused.value.metadata == {"field": spec.qualified_name}


@given(spec=st.sampled_from([PRICE, BUCKETED, BRAND, TAGS]), value=VALUES)
def test_any_wire_value_renders_or_is_refused(
    spec: FeatureSpec, value: FeatureValue | None
) -> None:
    """Nothing that the wire can carry raises another error; the label always leads."""
    with contextlib.suppress(RequestInvalidError):
        assert spec.render(value).startswith(f"{spec.label} ")


def test_a_schema_that_contradicts_itself_is_refused() -> None:
    """Falling or equal edges, edges on a text, two features of one name."""
    for edges in ((2.0, 1.0), (1.0, 1.0)):
        with pytest.raises(ValidationError, match="rise strictly"):
            FeatureSpec(name="x", entity=Entity.ITEM, type=FeatureType.NUMBER, edges=edges)
    with pytest.raises(ValidationError, match="only a number"):
        FeatureSpec(name="x", entity=Entity.ITEM, type=FeatureType.TEXT, edges=(1.0,))
    with pytest.raises(ValidationError, match="share a name"):
        FeatureSchema(features=(PRICE, PRICE))
    FeatureSchema(features=(PRICE, PRICE.model_copy(update={"entity": Entity.USER})))


def test_a_schema_keeps_order_by_entity() -> None:
    """Features of one entity come in rendering order."""
    schema = FeatureSchema(features=(BRAND, TAGS, PRICE))
    assert schema.of(Entity.ITEM) == (BRAND, PRICE)
    assert schema.of(Entity.CONTEXT) == ()
