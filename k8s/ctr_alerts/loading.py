"""Reading the file of objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from ctr_alerts.consistency import breaches
from ctr_alerts.errors import AlertsError
from ctr_alerts.slo import Slo

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails


def load_slo(path: Path) -> Slo:
    """Read and check `slo.yaml`.

    Raises:
        AlertsError: names the file, the field, what it must be and what it is.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise AlertsError(f"{path} cannot be read: {error.strerror}") from None
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise AlertsError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    try:
        slo = Slo.model_validate(tree)
    except ValidationError as error:
        sentences = [_sentence(detail) for detail in error.errors()]
        raise AlertsError(_together(path, sentences)) from None
    if broken := breaches(slo):
        raise AlertsError(_together(path, broken))
    return slo


def _together(path: Path, sentences: list[str] | tuple[str, ...]) -> str:
    return "\n".join(f"{path}: {sentence}" for sentence in sentences)


def _sentence(detail: ErrorDetails) -> str:
    field = _field(detail["loc"])
    if detail["type"] == "missing":
        return f"{field} is missing"
    if detail["type"] == "extra_forbidden":
        return f"{field} is no setting here; is it misspelt?"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{field} must be {message}, not {detail['input']!r}"


def _field(location: tuple[int | str, ...]) -> str:
    """Return a path as it would be written: `burn[0].long`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.removeprefix(".") or "the file"
