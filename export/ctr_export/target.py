"""Where a bundle may be written: never over a folder that is none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctr_export.errors import ExportError
from ctr_service.bundle.bundle import MANIFEST_FILE
from ctr_service.bundle.manifest import Manifest

if TYPE_CHECKING:
    from pathlib import Path


def check_target(out: Path) -> None:
    """Refuse a place whose content the bundle would replace, unless it is a bundle.

    Raises:
        ExportError: `out` is a file, or a folder that holds something else.
    """
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out} exists and is no folder; choose another --out")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST_FILE).is_file():
        raise ExportError(
            f"{out} holds files and is no bundle; the export would replace it. Choose another "
            "--out, or remove it"
        )


def check_label(option: str, value: str) -> None:
    """Refuse a model name or version that the manifest would refuse, before any work is done.

    Args:
        option: "model_name" or "model_version", as the manifest calls it.
        value: what the user asked for.

    Raises:
        ExportError: it does not match the manifest's pattern.
    """
    pattern = Manifest.model_json_schema()["properties"][option]["pattern"]
    if not re.fullmatch(pattern, value):
        flag = option.replace("model_", "--")
        raise ExportError(
            f"{flag} must hold 1 to 128 letters, digits, dots, dashes or underscores and begin "
            f"with a letter or digit (it has {len(value)} characters)"
        )
