"""Files that others watch: written aside and moved, so that nobody reads half of one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_json(path: Path, content: object) -> None:
    """Exchange a file for another."""
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(json.dumps(content))
    aside.replace(path)
