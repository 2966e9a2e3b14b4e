"""A picture with its words and its numbers: one page, one style, the same bytes for the same data."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from PIL import Image
from scipy.spatial.distance import cdist

from placelib.errors import PlacelibError
from placelib.gate import Table
from placelib.publish.tables import Shown, labelled, show, subject

TABLE_MIME = "application/vnd.placelib.table+json"
STYLE = Path(__file__).with_name("placelib.mplstyle")
WIDTH = 7.5  # inches: a page of A4 less its margins
SHARPEST, MOST_PIXELS = 150, 900_000  # dots per inch, fewer in tall pictures, so that none passes 60 KB
COLOURS = 24  # the commonest, kept exactly: few enough for a small file, enough for smooth letters
INK, QUIET, RULE = "#1a1a1a", "#595959", "#d0d0d0"


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
    The picture is drawn once, and holds no date or version: the same data give the same bytes.
    """

    canvas: Canvas
    alt: str
    data: Shown

    @cached_property
    def png(self) -> bytes:
        """The picture, in few colours."""
        agg, buffer = FigureCanvasAgg(self.canvas), io.BytesIO()
        agg.draw()
        _few_colours(np.asarray(agg.buffer_rgba())).save(buffer, "png", optimize=True)
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        if not self.data.rows:  # in words alone: an empty frame tells nothing
            return {"text/html": self.data._repr_html_(), "text/plain": repr(self.data)}, {}
        data = {"image/png": self.png, "text/plain": f"{self.alt}\n\n{self.data!r}", TABLE_MIME: asdict(self.data)}
        return data, {"image/png": {"alt": self.alt}}


def _few_colours(pixels: np.ndarray) -> Image.Image:
    """Keep the commonest colours, so that a shade is the same in map and key; others go to the nearest."""
    packed = pixels.view(np.uint32)[..., 0]
    found, place, count = np.unique(packed, return_inverse=True, return_counts=True)
    colours = found.view(np.uint8).reshape(-1, 4)[:, :3]
    kept = colours[np.argsort(-count, kind="stable")[:COLOURS]]
    nearest = cdist(colours, kept).argmin(axis=1).astype(np.uint8)
    image = Image.fromarray(nearest[place].reshape(packed.shape), mode="P")
    image.putpalette(kept.tobytes())
    return image


class Page:
    """A canvas with a title, a subtitle and a foot, measured in inches from the lower left of its body.

    Parameters
    ----------
    title : str
        The finding, in words.
    table : Table
        What the picture is made from, and no more: its subject is the subtitle, its sources and notes are at the foot.
    columns : mapping of str to str
        Heading of each column that is drawn: they are the numbers behind the picture.
    height : float
        Of the body, in inches.
    reading : sequence of str
        How to read the picture: the first words of the foot.
    """

    def __init__(
        self, title: str, table: Table, columns: Mapping[str, str], *, height: float, reading: Sequence[str]
    ) -> None:
        self.title, self.subtitle = title, labelled(subject(table), table)
        self.data = show(table, list(columns), names=columns, caption=title, rows=len(table.frame))
        heads, subheads = textwrap.wrap(title, 71), textwrap.wrap(self.subtitle, 116)
        notes = textwrap.wrap(" ".join(filter(None, dict.fromkeys([*reading, *self.data.notes]))), 136)
        self.bottom = 0.14 * len(notes) + 0.12
        self.total = self.bottom + height + 0.225 * len(heads) + 0.165 * len(subheads) + 0.16
        dpi = min(SHARPEST, int((MOST_PIXELS / WIDTH / self.total) ** 0.5))
        self.canvas = Canvas(figsize=(WIDTH, self.total), dpi=dpi, facecolor="white")
        self.write("\n".join(heads), 0.05, self.total - 0.04, size=12, weight="bold")
        self.write("\n".join(subheads), 0.05, self.total - 0.08 - 0.225 * len(heads), size=8.5, color=QUIET)
        self.write("\n".join(notes), 0.05, self.bottom - 0.06, size=7, color=QUIET)

    def write(self, words: str, left: float, top: float, **font: object) -> None:
        """Write words at inches from the canvas's lower left corner."""
        self.canvas.text(left / WIDTH, top / self.total, words, va="top", linespacing=1.25, **font)

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Open axes in the body."""
        box = (left / WIDTH, (self.bottom + bottom) / self.total, width / WIDTH, height / self.total)
        return self.canvas.add_axes(box)

    def figure(self, picture: str) -> Figure:
        """Close the page: the finding, what the picture looks like and its subject are its alternative text."""
        return Figure(self.canvas, f"{self.title}. {picture} {self.subtitle}.", self.data)


def alone(table: Table, names: pd.Series) -> None:
    """Refuse a picture in which several rows of a table would have the same name, as where it holds many indicators."""
    if names.dropna().is_unique:
        return
    name = names.mode()[0]
    rows = table.frame.loc[names.index[names.eq(name)]].select_dtypes(exclude="float")
    apart = max(rows, key=lambda column: (rows[column].nunique(), column.endswith("_id")))
    which = f"keep one, as with .only({apart}={rows[apart].dropna().tolist()[0]!r})"
    raise PlacelibError(f"{len(rows)} rows of '{table.title}' are for '{name}': {which}.")
