"""Sections -> the report's files, each written aside and renamed."""

from __future__ import annotations

import contextlib
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from ctr_bench.errors import BenchError
from ctr_bench.report import tables
from ctr_bench.report.drawing import draw
from ctr_bench.report.sections.runs import runs_table
from ctr_bench.report.summary import fingerprints, summary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ctr_bench.report.drawing import Drawn
    from ctr_bench.report.view import Section

KINDS = {
    "plan": "The plan",
    "sweep": "Capacity",
    "compare": "Comparison",
    "peers": "Peers",
    "run": "Runs",
    "figures": "Other benches",
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files go.

    Attributes:
        page: the HTML file; the JSON lies beside it under the same name.
        pictures: the folder of the PNGs.
    """

    page: Path
    pictures: Path

    @property
    def data(self) -> Path:
        """The JSON file."""
        return self.page.with_suffix(".json")


def write_report(sections: Sequence[Section], places: Places, made: datetime) -> list[Path]:
    """Draw, render and write; return the files. To be called inside `styled`.

    Args:
        sections: at least one, in the order of the page.
        places: where to.
        made: when, for the reader.

    Raises:
        BenchError: a file cannot be written.
    """
    drawn = {section.key: [draw(plot) for plot in section.plots] for section in sections}
    page = _page(sections, drawn, places, made)
    data = {
        "kind": "report",
        "schema": 1,
        "made": made.isoformat(timespec="seconds"),
        "sections": [
            {
                "kind": section.kind,
                "title": section.title,
                "source": _link(section.source, places.page.parent),
                "banners": [banner.text for banner in section.banners],
                "pictures": [f"{one.key}.png" for one in drawn[section.key]],
                **section.data,
            }
            for section in sections
        ],
    }
    files = {
        places.pictures / f"{one.key}.png": one.png
        for section in sections
        for one in drawn[section.key]
    }
    files[places.data] = (json.dumps(_finite(data), indent=1, allow_nan=False) + "\n").encode()
    # The page last: where it stands, all that it links to stands too.
    files[places.page] = page.encode()
    for path, content in files.items():
        _write(path, content)
    return list(files)


def _page(
    sections: Sequence[Section],
    drawn: dict[str, list[Drawn]],
    places: Places,
    made: datetime,
) -> str:
    here = places.page.parent
    made_text = f"{made:%Y-%m-%d %H:%M %Z}"
    environment = Environment(
        loader=PackageLoader("ctr_bench.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "style": Path(__file__).with_name("style.css").read_text("utf-8"),
        "link": lambda path: _link(path, here),
        "facts": tables.facts,
    }
    return environment.get_template("report.html").render(
        kinds=[
            (kind, title) for kind, title in KINDS.items() if any(s.kind == kind for s in sections)
        ],
        sections=sections,
        drawn=drawn,
        summary=summary(sections),
        runs=runs_table(sections),
        opened=_opened(sections),
        fingerprints=fingerprints(sections),
        made=made_text,
        data=places.data,
        pictures=places.pictures,
    )


def _opened(sections: Sequence[Section]) -> str:
    """Of several runs, the one that is not folded: the first whose figures may be used."""
    runs = [section for section in sections if section.kind == "run"]
    sound = [section for section in runs if section.sound]
    return next((section.key for section in (*sound, *runs)), "")


def _finite(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """Return the value with None for endless numbers, which are no JSON."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _link(path: Path, here: Path) -> str:
    return quote(os.path.relpath(path, here).replace(os.sep, "/"))


def _write(path: Path, content: bytes) -> None:
    aside = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        aside.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise BenchError(f"{path}: cannot be written: {error.strerror}") from None
