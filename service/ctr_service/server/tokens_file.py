"""The file of callers and of the hashes of their tokens, in TOML.

    [caller.search-frontend]          # optional: a caller without a table has no limits
    tokens_per_second = 200000        # of rows, padding left out; for each worker process
    concurrent_lists = 64
    methods = ["PredictClicks"]       # optional: all methods
    disabled = false

    [[token]]                         # one or more a caller, so that tokens can be rotated
    caller = "search-frontend"
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

A token is 256 random bits, so its plain sha256 gives nothing away. The tokens themselves are in no
file of the server.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ctr_service.bundle.files import write_text_aside
from ctr_service.errors import SettingsError
from ctr_service.server.caller_limits import CallerLimits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKEN_PREFIX = "ctr_"  # noqa: S105 -- the beginning of every token, so that scanners find leaked ones
TOKEN_BYTES = 32
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
MAX_TOKENS = 256
"""Each call is compared with every hash, so there cannot be any number of them."""

_Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]


@dataclass(frozen=True, slots=True)
class Permit:
    """What one caller may do.

    Attributes:
        methods: names of methods ("PredictClicks"); None is all.
    """

    limits: CallerLimits = field(default_factory=CallerLimits)
    methods: frozenset[str] | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class TokenBook:
    """What the file says.

    Attributes:
        owners: (sha256 of a token, its caller's name), in the file's order.
        permits: by caller's name, for every owner.
    """

    owners: tuple[tuple[bytes, str], ...]
    permits: Mapping[str, Permit]


class _Part(BaseModel):
    # The input is left out of messages: it may be a token pasted where its hash belongs.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _CallerTable(_Part):
    tokens_per_second: int | None = Field(default=None, ge=1)
    concurrent_lists: int | None = Field(default=None, ge=1)
    methods: tuple[str, ...] | None = None
    disabled: bool = False


class _TokenTable(_Part):
    caller: _Name
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _File(_Part):
    caller: dict[_Name, _CallerTable] = Field(default_factory=dict)
    token: tuple[_TokenTable, ...] = Field(default=(), max_length=MAX_TOKENS)


def read_tokens(path: Path) -> TokenBook:
    """Read and check the file.

    Raises:
        SettingsError: it cannot be read, or a key is wrong; never quotes a value.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        file = _File.model_validate(content)
    except FileNotFoundError:
        raise SettingsError(
            f"the tokens file {path} does not exist; make one with "
            f"`ctr-service token new NAME --file {path}`"
        ) from None
    except OSError as error:
        raise SettingsError(f"the tokens file {path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise SettingsError(f"the tokens file {path} is wrong: {_first(error)}") from None
    except (ValueError, RecursionError) as error:  # no TOML, or no UTF-8
        # The parser's own words may quote the file; the place does not.
        place = "".join(re.findall(r" \(at [a-z0-9, ]+\)$", str(error)))
        raise SettingsError(f"the tokens file {path} is no TOML{place}") from None
    return _book(file, path)


def new_token() -> str:
    """Return a fresh token of 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> bytes:
    """Return the sha256 of a token."""
    return hashlib.sha256(token.encode()).digest()


def entry_of(caller: str, token: str) -> str:
    """Return the lines that let a token's holder in as `caller`."""
    return f'[[token]]\ncaller = "{caller}"\nsha256 = "{hash_of(token).hex()}"\n'


def append_token(path: Path, caller: str, token: str) -> None:
    """Add a token's hash to the file, which is made if there is none; comments stay.

    Raises:
        SettingsError: the file is wrong, or full.
        ValueError: the caller's name is not one that the file may hold.
    """
    _TokenTable(caller=caller, sha256=hash_of(token).hex())
    text, mode = "", None
    if path.exists():
        if len(read_tokens(path).owners) >= MAX_TOKENS:
            raise SettingsError(
                f"the tokens file {path} holds {MAX_TOKENS} tokens, which is the limit; remove old "
                "ones"
            )
        text, mode = path.read_text(encoding="utf-8").rstrip("\n") + "\n\n", path.stat().st_mode
    write_text_aside(path, text + entry_of(caller, token))
    if mode is not None:
        path.chmod(mode)


def _book(file: _File, path: Path) -> TokenBook:
    owners = tuple((bytes.fromhex(entry.sha256), entry.caller) for entry in file.token)
    if len({digest for digest, _ in owners}) != len(owners):
        raise SettingsError(f"the tokens file {path} is wrong: two tokens share one sha256")
    permits = {
        name: Permit(
            CallerLimits(table.tokens_per_second, table.concurrent_lists),
            None if table.methods is None else frozenset(table.methods),
            table.disabled,
        )
        for name, table in file.caller.items()
    }
    return TokenBook(owners, {name: permits.get(name, Permit()) for _, name in owners})


def _first(error: ValidationError) -> str:
    # Locations of unknown keys are the file's text as well, so only the known parts are told.
    detail = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(p) for p in detail["loc"] if isinstance(p, int) or p in _KNOWN_KEYS)
    return f"{where or 'a key'}: {detail['msg']}"


_KNOWN_KEYS = {"caller", "token", *_CallerTable.model_fields, *_TokenTable.model_fields}
