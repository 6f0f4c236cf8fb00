"""BYTES tensors and features in JSON: what was written is read, and garbage is a refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tritonclient.utils import serialize_byte_tensor

from ctr_service.errors import RequestInvalidError
from ctr_service.server.open_inference_bytes import pack_bytes, unpack_bytes
from ctr_service.server.open_inference_features import features_of

if TYPE_CHECKING:
    from collections.abc import Callable

_FoundT = TypeVar("_FoundT")

elements = st.lists(st.binary(max_size=40), max_size=20)
plain_values = st.one_of(
    st.text(max_size=20).filter(lambda text: text.isprintable()),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.from_regex(r"[a-z]{0,5}", fullmatch=True), max_size=4),
)


def outcome(call: Callable[[], _FoundT]) -> _FoundT | RequestInvalidError:
    """What a call gives, or the refusal that it raises."""
    try:
        return call()
    except RequestInvalidError as error:
        return error


@given(elements)
def test_what_tritonclient_writes_is_read(texts: list[bytes]) -> None:
    """Its own serialiser and our reader agree, and so does our writer."""
    written = serialize_byte_tensor(np.array(texts, dtype=np.object_))
    raw = written.item() if written.size else b""
    assert list(unpack_bytes(raw, len(texts), "title")) == texts
    assert pack_bytes(texts) == raw


@given(st.binary(max_size=60), st.integers(0, 5))
@example(b"\xff\xff\xff\xff", 1)
@example(b"\0\0\0", 1)
def test_garbage_is_refused_or_has_the_shape(raw: bytes, count: int) -> None:
    """Any bytes either are a tensor of the shape's size or are the caller's mistake."""
    found = outcome(lambda: unpack_bytes(raw, count, "title"))
    if isinstance(found, RequestInvalidError):
        assert found.metadata["field"] == "title"
    else:
        assert len(found) == count
        assert pack_bytes(found) == raw


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), plain_values, max_size=6))
def test_features_keep_their_values_and_types(plain: dict[str, object]) -> None:
    """Numbers stay numbers, integers integers, texts texts, in any writing of JSON."""
    for ascii_only in (True, False):
        read = features_of(json.dumps(plain, ensure_ascii=ascii_only).encode(), "features")
        assert set(read) == set(plain)
        for name, value in plain.items():
            kind = read[name].WhichOneof("value")
            assert kind is not None
            found = list(read[name].texts.values) if kind == "texts" else getattr(read[name], kind)
            assert (found, type(found)) == (value, type(value))


@given(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(lambda text: text.encode())))
@example(b"[" * 100_000)
@example(b'{"a": ' + b"9" * 5_000 + b"}")
@example(b'{"a": "\\ud800"}')
@example(b'{"\\ud800": 1}')
@example(b'{"a": ["\\ud800"]}')
@example(b'{"a": true}')
@example(b'{"a": {"b": 1}}')
@example(b'{"a": [1]}')
@example(b'{"a": 9223372036854775808}')
@example(b"\xff\xfe")
def test_any_other_text_is_refused_without_quoting_it(raw: bytes) -> None:
    """No JSON takes the server down, and no refusal repeats what was sent."""
    found = outcome(lambda: features_of(raw, "features"))
    if isinstance(found, RequestInvalidError):
        assert found.metadata["field"] == "features"
        assert str(found).startswith("features ")


def test_a_missing_value_is_a_missing_feature() -> None:
    """Empty text is no features; null is a feature without a value."""
    assert features_of(b"", "features") == {}
    assert features_of(b'{"a": null}', "features")["a"].WhichOneof("value") is None


@pytest.mark.parametrize(("count", "part"), [(3, "2 elements"), (1, "more than that")])
def test_a_shape_that_does_not_fit_is_told(count: int, part: str) -> None:
    """The sentence names both counts; reading stops at the first element too many."""
    with pytest.raises(RequestInvalidError, match=part):
        unpack_bytes(pack_bytes([b"a", b"b"]), count, "title")
