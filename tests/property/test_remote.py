"""Pure parts of the remote cache: envelopes, breakers and stored entities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.breaker import Breaker, BreakerPolicy, BreakerState
from ctr_service.features.codec import CodecError, decode, encode
from ctr_service.features.store import StoredEntity
from ctr_service.limits import NS_PER_S
from ctr_service.remote.envelope import unwrap, wrap
from ctr_service.remote.writer import ttl_ms

KEYS = st.binary(max_size=40)
TEXTS = st.text(max_size=30)
VALUES = st.one_of(
    st.floats(allow_nan=False),
    st.integers(-(2**63), 2**63 - 1),
    TEXTS,
    st.lists(TEXTS, max_size=4).map(tuple),
)
ENTITIES = st.builds(
    StoredEntity,
    title=st.none() | TEXTS,
    version=TEXTS,
    features=st.dictionaries(TEXTS, VALUES, max_size=5),
)


@given(KEYS, st.binary(max_size=200))
def test_an_envelope_gives_back_its_payload(key: bytes, payload: bytes) -> None:
    """What was wrapped under a key is unwrapped under it."""
    assert unwrap(key, wrap(key, payload)) == payload


@given(KEYS, KEYS, st.binary(max_size=50))
def test_an_envelope_opens_under_its_key_alone(key: bytes, other: bytes, payload: bytes) -> None:
    """Another key's value is nothing."""
    assert (unwrap(other, wrap(key, payload)) is None) == (key != other)


@given(KEYS, st.binary(max_size=50), st.data())
def test_a_damaged_envelope_is_nothing(key: bytes, payload: bytes, data: st.DataObject) -> None:
    """Any byte changed, and any cut, is found."""
    envelope = bytearray(wrap(key, payload))
    place = data.draw(st.integers(0, len(envelope) - 1))
    assert unwrap(key, bytes(envelope[:place])) is None
    envelope[place] ^= data.draw(st.integers(1, 255))
    assert unwrap(key, bytes(envelope)) is None


@given(KEYS, st.binary(max_size=100))
def test_garbage_in_an_envelope_never_raises(key: bytes, garbage: bytes) -> None:
    """Whatever lies under a key, opening it gives nothing."""
    assert unwrap(key, garbage) is None


@given(ENTITIES)
def test_an_entity_comes_back_with_its_types(entity: StoredEntity) -> None:
    """Values and their types survive: 3 stays an integer and 3.0 a float."""
    decoded = decode(encode(entity))
    assert decoded == entity
    assert [type(v) for v in decoded.features.values()] == [
        type(v) for v in entity.features.values()
    ]


@given(ENTITIES, st.data())
def test_a_cut_entity_is_an_error_of_its_own(entity: StoredEntity, data: st.DataObject) -> None:
    """Bytes cut anywhere raise CodecError and nothing else."""
    raw = encode(entity)
    with pytest.raises(CodecError):
        decode(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(CodecError):
        decode(raw + b"x")


@given(st.binary(max_size=80))
def test_garbage_is_an_entity_or_an_error_of_its_own(garbage: bytes) -> None:
    """No bytes make the codec fail otherwise."""
    try:
        decode(garbage)
    except CodecError:
        return


@given(st.lists(st.tuples(st.sampled_from(["ok", "fail", "wait"]), st.floats(0, 0.999))))
def test_a_breaker_always_comes_back(steps: list[tuple[str, float]]) -> None:
    """After any history one good probe, at most the longest wait later, closes it."""
    policy = BreakerPolicy()
    randoms = iter([share for _, share in steps] + [0.5] * 10_000)
    breaker = Breaker(policy, lambda: next(randoms))
    now_ns = 0
    for step, _ in steps:
        if step == "wait":
            now_ns += NS_PER_S // 10
        elif breaker.begin_probe(now_ns):
            breaker.probed(now_ns, well=step == "ok")
        elif step == "ok":
            breaker.succeeded()
        else:
            breaker.failed(now_ns)
    if not breaker.closed:
        assert breaker.retry_at_ns <= now_ns + policy.longest_wait_ns
        assert not breaker.begin_probe(breaker.retry_at_ns - 1)
        assert breaker.begin_probe(breaker.retry_at_ns)
        assert not breaker.begin_probe(breaker.retry_at_ns)  # one at a time
        breaker.probed(breaker.retry_at_ns, well=True)
    assert breaker.state is BreakerState.CLOSED


def test_a_breaker_opens_on_a_steady_share_of_failures_alone() -> None:
    """One failure in four is forgiven for ever, one in two opens it, ten in a row at once."""
    for every, opens in ((4, False), (2, True)):
        breaker = Breaker(BreakerPolicy(), lambda: 0.0)
        for call in range(400):
            if call % every == 0:
                breaker.failed(0)
            else:
                breaker.succeeded()
        assert breaker.closed is not opens


def test_waits_double_up_to_a_bound() -> None:
    """Each failed probe doubles the wait until the longest."""
    policy = BreakerPolicy(first_wait_ns=1, longest_wait_ns=5, jitter=0)
    breaker = Breaker(policy, lambda: 0.0)
    for _ in range(5):
        breaker.failed(0)
    waits = []
    now_ns = 0
    for _ in range(5):
        waits.append(breaker.retry_at_ns - now_ns)
        now_ns = breaker.retry_at_ns
        assert breaker.begin_probe(now_ns)
        breaker.probed(now_ns, well=False)
    assert waits == [1, 2, 4, 5, 5]


@given(st.floats(0.001, 1e6), st.floats(0, 0.9), st.floats(0, 0.999))
def test_a_jittered_ttl_is_never_longer(ttl_s: float, jitter: float, random: float) -> None:
    """Jitter shortens by its share at most, and never to nothing."""
    found = ttl_ms(ttl_s, jitter, random)
    assert max(1, round(ttl_s * (1 - jitter) * 1000)) <= found <= max(1, round(ttl_s * 1000))
