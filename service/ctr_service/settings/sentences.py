"""What is wrong with a setting, in a sentence that names where it was given. Never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.settings.names import flag_of, variable_of
from ctr_service.settings.whole import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

_SECRETS = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
)
"""Settings that no message may repeat."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where values came from: a flag wins over a variable, which wins over the file."""

    flags: Mapping[str, object]
    variables: Mapping[str, object]
    file: Path | None


def sentence_of(detail: ErrorDetails, sources: Sources) -> str:
    """Return one mistake as a sentence.

    Args:
        detail: one of pydantic's errors of `Settings`.
        sources: what the settings were merged from.
    """
    field = ".".join(str(part) for part in detail["loc"])
    if not field:
        return str(detail["ctx"]["error"]) if "ctx" in detail else detail["msg"]
    if detail["type"] == "missing":
        return f"{flag_of(field)} (or {variable_of(field)}) is required"
    if detail["type"] == "extra_forbidden":
        known = ", ".join(sorted(Settings.model_fields))
        return f"{sources.file}: {field} is no setting; the settings are {known}"
    where = f"{field} in {sources.file}"
    if field in sources.variables:
        where = variable_of(field)
    if field in sources.flags:
        where = flag_of(field)
    reason = detail["msg"].removeprefix("Input should be ")
    if detail["loc"][0] in _SECRETS:
        return f"{where} must be {reason}"
    return f"{where} must be {reason}, not {detail['input']!r}"
