"""Claims of `ctr_service.scores.remote`: what is shared of texts, and how it stays alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_service.bundle.token_cache import TokenCache
from ctr_service.scores.cache import Score
from ctr_service.scores.remote import RENEWED_SHARE, RemoteScores, RemoteTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

FAR_NS = 10**15
TTL_S = 60.0
IDS = b"\x01\x00\x00\x00"


class DictCache:
    """A layer in a dict. Implements RemoteCache."""

    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}
        self.reads = 0
        self.writes: list[tuple[bytes, bytes]] = []

    async def get_many(self, keys: Sequence[bytes], *, deadline_ns: int) -> list[bytes | None]:
        """Return what is held."""
        assert deadline_ns == FAR_NS, "the layer has a limit of its own; nobody shortens it"
        self.reads += len(keys)
        return [self.held.get(key) for key in keys]

    def put_soon(self, items: Sequence[tuple[bytes, bytes]], *, ttl_s: float) -> None:
        """Hold values."""
        assert ttl_s == TTL_S
        self.held.update(items)
        self.writes += items

    async def close(self) -> None:
        """Hold on."""


def tokens(layer: DictCache, local: TokenCache, *, drawn: float = 0.99) -> RemoteTokens:
    """A process on the layer."""
    return RemoteTokens(layer, local, tokenizer_digest="t", ttl_s=TTL_S, random=lambda: drawn)


async def known_to(remote: RemoteTokens, *texts: str) -> set[str]:
    """Return the texts that the layer knows."""
    return set(texts) - set(await remote.prefetch([texts], deadline_ns=FAR_NS))


async def test_a_text_without_tokens_is_remembered_too() -> None:
    """No ids are a value: neither process nor layer is asked for it again."""
    layer, first, second = DictCache(), TokenCache(1 << 16), TokenCache(1 << 16)
    first.put("", b"")
    first.put("shoe", IDS)
    tokens(layer, first).put_soon(["", "shoe"])
    assert await known_to(tokens(layer, second), "", "shoe", "hat") == {"", "shoe"}
    assert second.get_many(["", "shoe"]) == ({"": b"", "shoe": IDS}, [])
    reads = layer.reads
    assert await known_to(tokens(layer, second), "", "shoe") == {"", "shoe"}
    assert layer.reads == reads


@pytest.mark.parametrize(("drawn", "writes"), [(0.0, 1), (RENEWED_SHARE, 0), (0.99, 0)])
async def test_some_of_the_ids_that_are_read_are_renewed(drawn: float, writes: int) -> None:
    """So what is in use does not run out; the value is the one that was read."""
    layer, first = DictCache(), TokenCache(1 << 16)
    first.put("shoe", IDS)
    tokens(layer, first).put_soon(["shoe"])
    layer.writes.clear()
    assert await known_to(tokens(layer, TokenCache(1 << 16), drawn=drawn), "shoe") == {"shoe"}
    assert len(layer.writes) == writes
    assert all(layer.held[key] == value for key, value in layer.writes)


async def test_ids_of_another_tokenizer_or_cut_short_are_not_believed() -> None:
    """A key holds the tokenizer's digest, and half an id is no id."""
    layer, local = DictCache(), TokenCache(1 << 16)
    local.put("shoe", IDS)
    tokens(layer, local).put_soon(["shoe"])
    other = RemoteTokens(
        layer, TokenCache(1 << 16), tokenizer_digest="other", ttl_s=TTL_S, random=lambda: 0.99
    )
    assert await known_to(other, "shoe") == set()
    layer.held = {key: value[:-1] for key, value in layer.held.items()}
    assert await known_to(tokens(layer, TokenCache(1 << 16)), "shoe") == set()


async def test_a_score_comes_back_with_the_texts_that_were_cut() -> None:
    """The logit to the bit, and which segments were cut; garbage is a miss."""
    layer = DictCache()
    scores = RemoteScores(layer, model_digest="m", ttl_s=TTL_S)
    score = Score(("q", "a long title", "a long title"), -1.25e-3, ("a long title",))
    scores.put_soon([score])
    (found,) = await scores.get_many([score.segments], deadline_ns=FAR_NS)
    assert found is not None
    assert (found.logit, set(found.cut_texts)) == (score.logit, {"a long title"})
    layer.held = {key: value + b"x" for key, value in layer.held.items()}
    assert await scores.get_many([score.segments], deadline_ns=FAR_NS) == [None]
