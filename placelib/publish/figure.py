"""A picture with its words and its numbers: one page, one style, the same bytes for the same data."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from PIL import Image

from placelib.gate import Table
from placelib.publish.tables import Shown, footnotes, labelled, subject

TABLE_MIME = "application/vnd.placelib.table+json"
WIDTH = 7.5  # inches: a page of A4 less its margins
SHARPEST, MOST_PIXELS = 150, 900_000  # dots per inch, fewer in tall pictures, so that none passes 60 KB
COLOURS = 24  # few enough for a small file, enough for smooth letters
INK, QUIET, RULE = "#1a1a1a", "#595959", "#d0d0d0"
STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "axes.labelcolor": QUIET,
    "axes.labelsize": 8,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": RULE,
    "xtick.labelcolor": QUIET,
    "ytick.left": False,
    "hatch.linewidth": 0.6,
    "lines.solid_capstyle": "butt",
}


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture with its words and its numbers.

    Parameters
    ----------
    canvas : matplotlib.figure.Figure
        What was drawn.
    alt : str
        What the picture shows, for those who do not see it.
    data : Shown
        The rounded numbers behind the picture; its caption is the picture's title.

    Notes
    -----
    The picture is drawn once, when the figure is made, and holds no date or version: the same data give the
    same bytes.
    """

    canvas: Canvas
    alt: str
    data: Shown
    png: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        agg = FigureCanvasAgg(self.canvas)
        agg.draw()
        picture = Image.fromarray(np.asarray(agg.buffer_rgba())[..., :3])
        few_colours = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        few_colours.save(buffer, "png", optimize=True)
        object.__setattr__(self, "png", buffer.getvalue())

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        data = {
            "image/png": self.png,
            "text/plain": f"{self.alt}\n\n{self.data!r}",
            TABLE_MIME: asdict(self.data),
        }
        return data, {"image/png": {"alt": self.alt}}


class Page:
    """A canvas with a title, a subtitle and a foot, measured in inches from the lower left of its body.

    Parameters
    ----------
    title : str
        The finding, in words.
    subtitle : str
        Measure, unit, period and base.
    foot : sequence of str
        Sources, methods and cautions.
    height : float
        Of the body, in inches.
    """

    def __init__(self, title: str, subtitle: str, foot: Sequence[str], *, height: float) -> None:
        parts = [
            (textwrap.wrap(title, 68), {"size": 12, "weight": "bold"}, 0.225),
            (textwrap.wrap(subtitle, 116), {"size": 8.5, "color": QUIET}, 0.165),
        ]
        notes = textwrap.wrap(" ".join(foot), 146)
        self.bottom = 0.14 * len(notes) + 0.12
        head = sum(len(lines) * line for lines, _, line in parts) + 0.16
        self.total = self.bottom + height + head
        dpi = min(SHARPEST, int((MOST_PIXELS / WIDTH / self.total) ** 0.5))
        self.canvas = Canvas(figsize=(WIDTH, self.total), dpi=dpi, facecolor="white")
        top = self.total - 0.04
        for lines, font, line in parts:
            self.write("\n".join(lines), 0.05, top, **font)
            top -= len(lines) * line + 0.04
        self.write("\n".join(notes), 0.05, self.bottom - 0.06, size=7, color=QUIET)

    def write(self, words: str, left: float, top: float, **font: object) -> None:
        """Write words at inches from the canvas's lower left corner."""
        self.canvas.text(left / WIDTH, top / self.total, words, va="top", linespacing=1.25, **font)

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Open axes in the body."""
        box = (left / WIDTH, (self.bottom + bottom) / self.total, width / WIDTH, height / self.total)
        return self.canvas.add_axes(box)


def open_page(title: str, tables: Sequence[Table], data: Shown, *, height: float, reading: Sequence[str] = ()) -> Page:
    """Open a page: the first table's subject under the title; how to read it and all notes at the foot."""
    foot = [*reading, *data.notes, *(note for table in tables for note in footnotes(table))]
    return Page(title, labelled(subject(tables[0]), tables[0]), list(dict.fromkeys(foot)), height=height)


def describe(table: Table, finding: str, picture: str) -> str:
    """Word the alternative text of a picture."""
    return f"{finding}. {picture} {labelled(subject(table), table)}."
