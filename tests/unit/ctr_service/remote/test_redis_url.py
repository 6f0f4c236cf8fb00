"""A Redis URL says what it means, and its password stays with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_service.errors import SettingsError
from ctr_service.remote.redis_open import LinkLimits, open_link
from ctr_service.remote.redis_url import Address, RedisTarget, TlsFiles, Topology, parse_redis_url

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary7391"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (
            "redis://h",
            RedisTarget(Topology.STANDALONE, (Address("h", 6379),), tls=False),
        ),
        (
            "rediss://u:p%40%2F@h:1/3",
            RedisTarget(
                Topology.STANDALONE,
                (Address("h", 1),),
                True,
                3,
                username="u",
                password="p@/",  # noqa: S106 -- a made-up one
            ),
        ),
        (
            "redis://:p@[::1]:7",
            RedisTarget(Topology.STANDALONE, (Address("::1", 7),), tls=False, password="p"),  # noqa: S106 -- a made-up one
        ),
        (
            "redis+sentinel://a,b:2/main",
            RedisTarget(
                Topology.SENTINEL, (Address("a", 26379), Address("b", 2)), False, 0, "main"
            ),
        ),
        (
            "rediss+cluster://a:1,b:2",
            RedisTarget(Topology.CLUSTER, (Address("a", 1), Address("b", 2)), tls=True),
        ),
    ],
)
def test_a_url_is_taken_apart(url: str, target: RedisTarget) -> None:
    """Topology, addresses, TLS, database, service and user are as written."""
    assert parse_redis_url(url) == target


@pytest.mark.parametrize(
    ("url", "part"),
    [
        (f"http://{CANARY}", "forms are redis://"),
        (f"redis+ring://{CANARY}", "forms are redis://"),
        (CANARY, "forms are redis://"),
        (f"redis://:{CANARY}@h:99999", "1 to 65535"),
        (f"redis://:{CANARY}@h:port", "wrong port"),
        (f"redis://:{CANARY}@", "host that is empty"),
        (f"redis://:{CANARY}@a,b", "names 2 servers"),
        (f"redis://:{CANARY}@h/x", "database's number"),
        (f"redis://:{CANARY}@h?db=1", "query"),
        (f"redis+sentinel://:{CANARY}@h", "master's name"),
        (f"redis+cluster://:{CANARY}@h/1", "database 0 alone"),
    ],
)
def test_a_wrong_url_is_a_sentence_without_the_url(url: str, part: str) -> None:
    """The sentence says what is wrong and repeats nothing of the URL."""
    with pytest.raises(SettingsError, match=part) as caught:
        parse_redis_url(url)
    assert CANARY not in str(caught.value)


def test_a_password_is_in_no_repr() -> None:
    """A target in a traceback or a log shows no secret."""
    assert CANARY not in repr(parse_redis_url(f"redis://{CANARY}:{CANARY}@h"))


def test_tls_files_need_tls_and_must_be_there(tmp_path: Path) -> None:
    """A file without TLS, and a file that cannot be read, are sentences with the flag's name."""
    with pytest.raises(SettingsError, match=r"--redis-ca-file.*rediss"):
        open_link(parse_redis_url("redis://h"), TlsFiles(ca=tmp_path), LinkLimits())
    with pytest.raises(SettingsError, match="--redis-ca-file cannot be used for TLS"):
        open_link(parse_redis_url("rediss://h"), TlsFiles(ca=tmp_path / "no"), LinkLimits())
