"""What people send: checked, bounded, named when it is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from ctr_monitor.errors import BadInputError
from ctr_monitor.model import Resolution
from ctr_monitor.suspects.table import BY_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_NOTE = 8000
MAX_WHO = 80
YEAR_MINUTES = 366 * 24 * 60

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NOTE)]
Who = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_WHO)]


class _Note(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: Note
    by: Who
    cause: str = ""
    minutes: float | None = Field(default=None, ge=0, le=YEAR_MINUTES)

    @field_validator("minutes", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("cause")
    @classmethod
    def _known(cls, value: str) -> str:
        if value and value not in BY_KEY:
            raise ValueError("no cause of the table; leave it empty where none fits")
        return value


def resolution_from(sent: bytes | Mapping[str, object], now_ms: int) -> Resolution:
    """Return a resolution of a JSON body or a form's fields.

    Raises:
        BadInputError: a field is missing, unknown or too long.
    """
    try:
        if isinstance(sent, bytes):
            read = _Note.model_validate_json(sent)
        else:
            read = _Note.model_validate(dict(sent))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise BadInputError(f"{where}: {first['msg']}") from None
    return Resolution(
        note=read.note, cause=read.cause, by=read.by, at_ms=now_ms, minutes=read.minutes
    )


def text_of(query: Mapping[str, str], name: str, most: int) -> str:
    """Return a parameter, "" when absent.

    Raises:
        BadInputError: it is longer than `most`.
    """
    text = query.get(name, "")
    if len(text) > most:
        raise BadInputError(f"{name}: at most {most} characters")
    return text


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """Return a whole number of a parameter.

    Raises:
        BadInputError: it is none, or not between 0 and 10^15.
    """
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):  # noqa: PLR2004 -- digits of SQLite's integers
        raise BadInputError(f"{name}: a whole number")
    return int(text)
