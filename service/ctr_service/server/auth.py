"""Who calls, by bearer token: `authorization: Bearer TOKEN`.

Everything asks here but health, readiness and, by option, reflection. Tokens are known by their
sha256 alone, compared in constant time with every hash of the file, so that neither the answer nor
its time tells how close a guess was. No error and no log line holds a token.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Protocol

from ctr_service.errors import PermissionDeniedError, UnauthenticatedError
from ctr_service.server.callers import Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from ctr_service.clock import Clock
    from ctr_service.server.tokens_file import TokenBook

    Metadata: TypeAlias = Callable[[], Iterable[tuple[str, str | bytes]] | None]

AUTHORIZATION = "authorization"
SCHEME = "bearer"


class IdentifiesCallers(Protocol):
    """Tells who calls."""

    def identify(self, method: str, metadata: Metadata) -> Caller:
        """Return the caller of a method.

        Args:
            method: its name without the service's.
            metadata: gives the call's headers; is asked only when they are needed.

        Raises:
            UnauthenticatedError, PermissionDeniedError: it may not call.
        """
        ...


class Everyone:
    """Lets everyone in, under one name without limits: a server without a tokens file."""

    def __init__(self, clock: Clock) -> None:
        self._anybody = Caller("", clock)

    def identify(self, method: str, metadata: Metadata) -> Caller:  # noqa: ARG002 -- the protocol's signature
        """Return the one caller."""
        return self._anybody


class TokenHolders:
    """Lets those in whose token is in the book."""

    def __init__(self, book: TokenBook, clock: Clock) -> None:
        self._clock = clock
        self._callers: dict[str, Caller] = {}
        self._book = book
        self.use(book)

    def use(self, book: TokenBook) -> None:
        """Take another book from now on. Callers that stay keep their lists and their debt."""
        self._book = book
        self._callers = {
            name: self._callers.get(name) or Caller(name, self._clock) for name in book.permits
        }
        for name, permit in book.permits.items():
            self._callers[name].limit(permit.limits)

    def identify(self, method: str, metadata: Metadata) -> Caller:
        """Return the token's owner.

        Raises:
            UnauthenticatedError: there is no token, or it is not in the book.
            PermissionDeniedError: the owner is disabled, or may not call this method.
        """
        name = self._owner_of(_token_in(metadata))
        permit = self._book.permits[name]
        if permit.disabled:
            raise PermissionDeniedError(
                "this caller is disabled; ask the operator of this server",
                metadata={"field": "caller"},
            )
        if permit.methods is not None and method not in permit.methods:
            raise PermissionDeniedError(
                f"this caller may not call {method}; ask the operator of this server",
                metadata={"field": "method"},
            )
        return self._callers[name]

    def _owner_of(self, token: bytes) -> str:
        digest = hashlib.sha256(token).digest()
        owner: str | None = None
        for known, name in self._book.owners:  # to the end, so that the time is the same for all
            if hmac.compare_digest(known, digest):
                owner = name
        if owner is None:
            raise UnauthenticatedError(
                "the token is not known here; it may have been revoked, or belong to another "
                "server",
                metadata={"field": AUTHORIZATION},
            )
        return owner


def _token_in(metadata: Metadata) -> bytes:
    values = [value for key, value in metadata() or () if key == AUTHORIZATION]
    if len(values) == 1:
        raw = values[0].encode() if isinstance(values[0], str) else values[0]
        scheme, _, token = raw.partition(b" ")
        if scheme.lower() == SCHEME.encode() and token:
            return token
    raise UnauthenticatedError(
        f"send one header `{AUTHORIZATION}: Bearer TOKEN` with each call; this server asks for a "
        "token",
        metadata={"field": AUTHORIZATION},
    )
