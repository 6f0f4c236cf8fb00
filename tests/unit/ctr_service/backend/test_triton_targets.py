"""Targets as operators write them."""

from __future__ import annotations

import pytest

from ctr_service.backend.triton_targets import Target, parse_targets, resolve
from ctr_service.errors import SettingsError


def test_targets_are_read_as_written() -> None:
    """Names, addresses and bracketed IPv6, with spaces after the comma."""
    found = parse_targets("triton.ml:8001, 10.0.0.7:1,[::1]:65535")
    assert found == (Target("triton.ml", 8001), Target("10.0.0.7", 1), Target("::1", 65535))
    assert [str(target) for target in found] == ["triton.ml:8001", "10.0.0.7:1", "[::1]:65535"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "HOST:PORT"),
        ("triton", "HOST:PORT"),
        (":8001", "HOST:PORT"),
        ("http://triton:8000", "HOST:PORT"),
        ("::1:8001", "HOST:PORT"),
        ("[triton]:8001", "no IPv6 address"),
        ("triton:0", "1 to 65535"),
        ("triton:65536", "1 to 65535"),
        ("triton:grpc", "1 to 65535"),
        ("a:1,a:1", "twice"),
    ],
)
def test_a_wrong_target_is_a_sentence(text: str, says: str) -> None:
    """It says what a target looks like, or what is wrong with this one."""
    with pytest.raises(SettingsError, match=says):
        parse_targets(text)


async def test_one_server_has_one_address() -> None:
    """A name with IPv4 and IPv6 leads to the same server: only one of the two counts."""
    assert await resolve(Target("localhost", 8001)) in {("127.0.0.1:8001",), ("[::1]:8001",)}
    assert await resolve(Target("127.0.0.1", 8001)) == ("127.0.0.1:8001",)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64])
async def test_an_unknown_name_is_an_os_error(host: str) -> None:
    """The fleet keeps what it knows then."""
    with pytest.raises(OSError, match=r"\S"):
        await resolve(Target(host, 8001))
