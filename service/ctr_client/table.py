"""The ranked table that people read. Counts terminal cells, not characters: 汉 takes two."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr.v1 import prediction_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ELLIPSIS = "…"
GAP = "  "
MIN_TITLE_CELLS = 20
MAX_ID_CELLS = 20
_WIDE = ("W", "F")
_NO_CELL = ("Mn", "Me", "Cf")
_UNPRINTABLE = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    rank: int
    prediction: prediction_pb2.Prediction
    title: str

    @property
    def probability(self) -> str:
        """Four decimals, or a dash for an item that was not scored."""
        scored = self.prediction.HasField("click_probability")
        return f"{self.prediction.click_probability:.4f}" if scored else "-"

    @property
    def status(self) -> str:
        """The status in words; a fallback says what stands in."""
        status = prediction_pb2.PredictionStatus.Name(self.prediction.status)
        word = status.removeprefix("PREDICTION_STATUS_").lower()
        if self.prediction.status != prediction_pb2.PREDICTION_STATUS_FALLBACK:
            return word
        source = prediction_pb2.PredictionSource.Name(self.prediction.source)
        return f"{word}: {source.removeprefix('PREDICTION_SOURCE_').replace('_', ' ').lower()}"


def ranked(predictions: Sequence[prediction_pb2.Prediction], titles: Sequence[str]) -> list[Line]:
    """Order by probability, best first; ties keep their order; items without one come last.

    Args:
        predictions: in the request's order.
        titles: one a prediction, in the same order.
    """
    pairs = sorted(zip(predictions, titles, strict=True), key=lambda pair: _sort_key(pair[0]))
    return [Line(rank, prediction, title) for rank, (prediction, title) in enumerate(pairs, 1)]


def render(lines: Sequence[Line], width_cells: int) -> str:
    """Draw the table at most `width_cells` wide; titles and ids are cut to fit."""
    header = ("#", "p(click)", "status", "item", "title")
    cells = [
        (str(line.rank), line.probability, line.status, plain(line.prediction.item_id), line.title)
        for line in lines
    ]
    widths = [max(cells_of(text) for text in column) for column in zip(header, *cells, strict=True)]
    widths[3] = min(widths[3], MAX_ID_CELLS)
    taken = sum(widths[:4]) + 4 * len(GAP)
    widths[4] = max(MIN_TITLE_CELLS, width_cells - taken)
    rows = [header, *((*cell[:4], plain(cell[4])) for cell in cells)]
    return "\n".join(
        GAP.join(
            (
                _right(rank, widths[0]),
                _right(probability, widths[1]),
                _left(status, widths[2]),
                _left(item, widths[3]),
                cut(title, widths[4]),
            )
        ).rstrip()
        for rank, probability, status, item, title in rows
    )


def as_json(line: Line) -> Mapping[str, object]:
    """Return one line as plain values, for `--json`."""
    prediction = line.prediction
    scored = prediction.HasField("click_probability")
    return {
        "rank": line.rank,
        "item_id": prediction.item_id,
        "title": line.title,
        "click_probability": prediction.click_probability if scored else None,
        "status": prediction_pb2.PredictionStatus.Name(prediction.status),
        "source": prediction_pb2.PredictionSource.Name(prediction.source),
        "defaulted_features": list(prediction.defaulted_features),
        "reason_detail": prediction.reason_detail,
    }


def cells_of(text: str) -> int:
    """Return the terminal cells that a printable text takes, after Unicode's East Asian Width."""
    return sum(_cells(character) for character in text)


def cut(text: str, width_cells: int) -> str:
    """Cut a text to a number of cells; an ellipsis shows that it was cut."""
    if cells_of(text) <= width_cells:
        return text
    kept, taken = [], 0
    for character in text:
        taken += _cells(character)
        if taken > width_cells - 1:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def plain(text: str) -> str:
    """Replace what could steer a terminal: control characters, line ends, unassigned ones."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNPRINTABLE else c for c in text
    )


def _cells(character: str) -> int:
    if unicodedata.category(character) in _NO_CELL:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def _left(text: str, width_cells: int) -> str:
    short = cut(text, width_cells)
    return short + " " * (width_cells - cells_of(short))


def _right(text: str, width_cells: int) -> str:
    return " " * (width_cells - cells_of(text)) + text


def _sort_key(prediction: prediction_pb2.Prediction) -> tuple[bool, float]:
    scored = prediction.HasField("click_probability")
    return (not scored, -prediction.click_probability if scored else 0.0)
