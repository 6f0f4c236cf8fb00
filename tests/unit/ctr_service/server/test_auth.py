"""Who is let in: tokens, callers and methods; and what no refusal may hold."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import pytest

from ctr_service.clock import ManualClock
from ctr_service.errors import PermissionDeniedError, UnauthenticatedError
from ctr_service.server import auth
from ctr_service.server.auth import Everyone, TokenHolders
from ctr_service.server.caller_limits import CallerLimits
from ctr_service.server.tokens_file import Permit, TokenBook, hash_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.server.callers import Caller

    Headers = Sequence[tuple[str, str | bytes]]

CANARY = "ctr_canary-token-of-nobody"


def book(**permits: Permit) -> TokenBook:
    """A book in which the token of each caller is "token-NAME"."""
    return TokenBook(tuple((hash_of(f"token-{name}"), name) for name in permits), permits)


def identify(holders: TokenHolders, *headers: tuple[str, str | bytes]) -> Caller:
    """Call PredictClicks with some headers."""
    return holders.identify("PredictClicks", lambda: headers)


@pytest.mark.parametrize("header", ["Bearer token-a", "bearer token-a", b"Bearer token-a"])
def test_the_owner_of_a_token_is_found(header: str | bytes) -> None:
    """The scheme's case does not matter, and other headers do not disturb."""
    holders = TokenHolders(book(a=Permit(), b=Permit()), ManualClock())
    caller = identify(holders, ("user-agent", "x"), ("authorization", header))
    assert caller.name == "a"
    assert identify(holders, ("authorization", "Bearer token-b")).name == "b"


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("authorization", ""),),
        (("authorization", "Bearer "),),
        (("authorization", CANARY),),
        (("authorization", f"Basic {CANARY}"),),
        (("authorization", f"Bearer {CANARY}"),),
        (("authorization", "Bearer token-a "),),
        (("authorization", f"Bearer {hash_of('token-a').hex()}"),),
        (("authorization", "Bearer token-a"), ("authorization", f"Bearer {CANARY}")),
    ],
)
def test_everyone_else_is_unauthenticated_and_the_refusal_holds_no_token(headers: Headers) -> None:
    """No, another, a doubled token, or the hash itself: refused, and nothing is repeated."""
    holders = TokenHolders(book(a=Permit()), ManualClock())
    with pytest.raises(UnauthenticatedError) as caught:
        holders.identify("PredictClicks", lambda: headers)
    assert CANARY not in f"{caught.value!r}{caught.value.metadata}"
    assert caught.value.metadata == {"field": "authorization"}


def test_a_disabled_caller_and_a_method_not_allowed_are_denied() -> None:
    """The token is good, so the answer is PERMISSION_DENIED, and it says what is missing."""
    permits = {"off": Permit(disabled=True), "narrow": Permit(methods=frozenset({"GetModel"}))}
    holders = TokenHolders(book(**permits), ManualClock())
    with pytest.raises(PermissionDeniedError, match="disabled"):
        identify(holders, ("authorization", "Bearer token-off"))
    with pytest.raises(PermissionDeniedError, match="may not call PredictClicks"):
        identify(holders, ("authorization", "Bearer token-narrow"))
    headers = (("authorization", "Bearer token-narrow"),)
    assert holders.identify("GetModel", lambda: headers).name == "narrow"


def test_every_hash_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call compares with all hashes by `hmac.compare_digest`, also after a match."""
    compared: list[bytes] = []

    def compare(known: bytes, digest: bytes) -> bool:
        compared.append(known)
        return hmac.compare_digest(known, digest)

    monkeypatch.setattr(auth, "hmac", type("Hmac", (), {"compare_digest": staticmethod(compare)}))
    holders = TokenHolders(book(a=Permit(), b=Permit(), c=Permit()), ManualClock())
    identify(holders, ("authorization", "Bearer token-a"))
    assert compared == [hashlib.sha256(f"token-{n}".encode()).digest() for n in "abc"]


def test_another_book_takes_force_and_callers_keep_their_state() -> None:
    """A caller that stays is the same object with new limits; one that left is unknown."""
    holders = TokenHolders(book(a=Permit(), b=Permit()), ManualClock())
    before = identify(holders, ("authorization", "Bearer token-a"))
    holders.use(book(a=Permit(CallerLimits(concurrent_lists=1))))
    after = identify(holders, ("authorization", "Bearer token-a"))
    assert after is before
    assert after._limits.concurrent_lists == 1
    with pytest.raises(UnauthenticatedError):
        identify(holders, ("authorization", "Bearer token-b"))


def test_without_tokens_nobody_is_asked() -> None:
    """The open door reads no header and knows one caller without a name or a limit."""

    def never() -> None:
        raise AssertionError("the headers were read")

    everyone = Everyone(ManualClock())
    caller = everyone.identify("PredictClicks", never)
    assert caller is everyone.identify("GetModel", never)
    assert caller.name == ""
    with caller.list(), caller.list():
        assert caller.lists == 2
