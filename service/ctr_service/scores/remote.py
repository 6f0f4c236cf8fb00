"""Scores and token ids in a cache that several processes share, behind those in process.

A key carries the digest of what made the value, so that a rollout cannot poison another version:
the manifest's for scores (it covers graph, template and tokenizer), the tokenizer's for ids.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from ctr_service.scores.cache import Score

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ctr_service.bundle.template import Segments
    from ctr_service.bundle.token_cache import TokenCache
    from ctr_service.remote.base import RemoteCache

KEY_BYTES = 20
"""Of a BLAKE2b digest: 2 ** 80 keys until two are likely to be the same."""
_SCORE = struct.Struct("<dB")
"""The logit, and a bit a segment that was cut."""
TOKEN_BYTES = 4
RENEWED_SHARE = 1 / 16
"""Of the texts that are read, those whose ids are written again, so that what is in use does not
run out under its readers: of texts that are read 40 times within a time to live, one in thirteen
does. Ids never change, so nothing need be asked for it."""


class RemoteScores:
    """Logits by content. A failure of the cache is a miss."""

    def __init__(self, cache: RemoteCache, *, model_digest: str, ttl_s: float) -> None:
        """Take the cache.

        Args:
            cache: the layer of scores; it has a limit of its own for each read.
            model_digest: of the manifest and the graph that serve.
            ttl_s: how long a score is kept there.
        """
        self._cache = cache
        self._digest = model_digest.encode()
        self._ttl_s = ttl_s

    async def get_many(self, rows: Sequence[Segments], *, deadline_ns: int) -> list[Score | None]:
        """Return the score of each row, or None; never raises."""
        keys = [self._key(segments) for segments in rows]
        values = await self._cache.get_many(keys, deadline_ns=deadline_ns)
        return [_read(value, row) for value, row in zip(values, rows, strict=True)]

    def put_soon(self, scores: Iterable[Score]) -> None:
        """Keep scores, in the background."""
        items = [(self._key(score.segments), _written(score)) for score in scores]
        self._cache.put_soon(items, ttl_s=self._ttl_s)

    def _key(self, segments: Segments) -> bytes:
        return _digest(self._digest, segments)


class RemoteTokens:
    """Token ids by text. A failure of the cache is a miss."""

    def __init__(
        self,
        cache: RemoteCache,
        local: TokenCache,
        *,
        tokenizer_digest: str,
        ttl_s: float,
        random: Callable[[], float],
    ) -> None:
        """Take both caches.

        Args:
            cache: the layer of token ids; it has a limit of its own for each read.
            local: filled by `prefetch`.
            tokenizer_digest: of the tokenizer, and of the budgets that long texts are cut to.
            ttl_s: how long ids are kept there.
            random: numbers in [0, 1), to draw whose ids are renewed.
        """
        self._cache = cache
        self._local = local
        self._digest = tokenizer_digest.encode()
        self._ttl_s = ttl_s
        self._random = random

    async def prefetch(self, rows: Iterable[Segments], *, deadline_ns: int) -> list[str]:
        """Bring ids into the local cache; return the texts that are not there either."""
        missing = self._local.unknown({text for row in rows for text in row})
        if not missing:
            return []
        keys = [_digest(self._digest, (text,)) for text in missing]
        values = await self._cache.get_many(keys, deadline_ns=deadline_ns)
        unknown: list[str] = []
        renewed: list[tuple[bytes, bytes]] = []
        for text, key, value in zip(missing, keys, values, strict=True):
            if value is None or len(value) % TOKEN_BYTES:
                unknown.append(text)
                continue
            self._local.put(text, value)
            if self._random() < RENEWED_SHARE:
                renewed.append((key, value))
        if renewed:
            self._cache.put_soon(renewed, ttl_s=self._ttl_s)
        return unknown

    def put_soon(self, texts: Iterable[str]) -> None:
        """Share the ids of texts that were tokenised here, in the background."""
        found = self._local.peek(texts)
        items = [(_digest(self._digest, (text,)), ids) for text, ids in found.items()]
        if items:
            self._cache.put_soon(items, ttl_s=self._ttl_s)


def _digest(prefix: bytes, texts: Iterable[str]) -> bytes:
    hashed = hashlib.blake2b(prefix, digest_size=KEY_BYTES)
    for text in texts:
        # The length keeps ("ab", "c") apart from ("a", "bc"); a lone surrogate must hash, too.
        raw = text.encode("utf-8", "surrogatepass")
        hashed.update(len(raw).to_bytes(4, "little"))
        hashed.update(raw)
    return hashed.digest()


def _written(score: Score) -> bytes:
    cut = sum(1 << at for at, text in enumerate(score.segments) if text in score.cut_texts)
    return _SCORE.pack(score.logit, cut)


def _read(value: bytes | None, segments: Segments) -> Score | None:
    if value is None or len(value) != _SCORE.size:
        return None
    logit, cut = _SCORE.unpack(value)
    return Score(segments, logit, tuple(t for at, t in enumerate(segments) if cut >> at & 1))
