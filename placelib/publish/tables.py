"""Tables as readers see them, and as spreadsheets and mapping tools receive them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import shapely
from jinja2 import Environment, PackageLoader

from placelib.errors import DisclosureError
from placelib.gate import MARKS, Table

BLANK = "–"
EXPLAINED = MARKS | {BLANK: "no figure"}
MEASURED = ("value", "lower", "upper")  # written alike, being in one unit
SHARES = (*MEASURED, "comparator_value", "everyone", "expected")  # per cent, if the unit is
SHARES += ("direct", "direct_lower", "direct_upper", "difference_lower", "difference_upper")
COUNTS = ["numerator", "unmatched", "residents", "respondents"]  # what a true zero per cent has none of
MOST_NAMED = 3
Names = Mapping[str, str] | None  # headings by column, where its own name does not say enough
DEGREE_DECIMALS = 5  # about a metre on the ground
_TEMPLATES = Environment(
    loader=PackageLoader(__package__, "template"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_HEADINGS = {"_gbp_lower": " (£): from", "_gbp_upper": " (£): to", "_gbp_m": " (£ million)", "_gbp": " (£)"}
_HEADINGS |= {"_pct": " (%)", "_per_1000": " (per 1,000)", "_lower": ": from", "_upper": ": to", "_name": ""}
_WORDS = {"category_name": "Group", "value": "Figure", "lower": "From", "upper": "To", "respondents": "Answers"}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def published(table: Table, *columns: str) -> pd.DataFrame:
    """Give the frame of a table that has passed the gate, and has the columns.

    Raises
    ------
    DisclosureError
        Anything else was passed, a plain DataFrame for instance.
    PlacelibError
        It has no such column.
    """
    if not isinstance(table, Table):
        raise DisclosureError(
            f"An object of type {type(table).__name__} has not passed the gate and cannot be shown: "
            "use a table of the place, such as place.needs or place.indicators."
        )
    return table.having(*columns)


def optional(frame: pd.DataFrame, name: str, otherwise: str = "") -> pd.Series:
    """Give a column, or the same word in every row of a table that does not have it."""
    return frame.get(name, pd.Series(otherwise, frame.index))


def first(frame: pd.DataFrame, name: str, otherwise: str = "") -> str:
    """Give what a column says in the first row, or another word where there is no such row or column."""
    return next(iter(frame.get(name, ())), otherwise)


def unit(frame: pd.DataFrame, column: str) -> str:
    """Give the one unit of a column; none of a rank, of a count, or where its heading says its own."""
    units = optional(frame, "unit").dropna().unique()
    return "" if column in ("rank", *COUNTS) or heading(column).endswith(")") or len(units) != 1 else units[0]


def headings(frame: pd.DataFrame, columns: Sequence[str], value: str) -> dict[str, str]:
    """Turn names of columns into a reader's words, with the unit of the value."""
    said = f" ({unit(frame, value)})" * bool(unit(frame, value))
    return {name: heading(name) + said * (name == value) for name in columns}


def heading(column: str) -> str:
    """Turn a column's name into a reader's words.

    Examples
    --------
    >>> heading("share_pct"), heading("rank_lower"), heading("ward_name")
    ('Share (%)', 'Rank: from', 'Ward')
    """
    if column in _WORDS:
        return _WORDS[column]
    ending = next((ending for ending in _HEADINGS if column.endswith(ending)), "")
    words = column.removesuffix(ending).replace("_", " ") + _HEADINGS.get(ending, "")
    return words[:1].upper() + words[1:]


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> listed(["Wish", "Regency", "Kemptown"])
    'Wish, Regency and Kemptown'
    """
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def decimals(numbers: pd.Series) -> int:
    """Say how many decimal places a reader can use: whole numbers stay whole, others keep about three digits.

    Missing values are passed over.

    Examples
    --------
    >>> decimals(pd.Series([12.34, 5.678])), decimals(pd.Series([1234.5])), decimals(pd.Series([3.0, None]))
    (1, 0, 0)
    """
    known = numbers.dropna().astype(float)
    useful = 0 if known.empty else int(np.clip(2 - np.floor(np.log10(known.abs().max() or 1)), 0, 2))
    return next((places for places in range(useful) if np.allclose(known, known.round(places))), useful)


def as_text(frame: pd.DataFrame, column: str) -> pd.Series:
    """Write a column as readers see it: rounded alike within each unit and source, with the marks that the gate set.

    A percentage that rounding alone has made 0 is "<1" ("<0.1" where one decimal is shown), or ">-1" below zero; it
    stays 0 where the count behind it is 0.

    Parameters
    ----------
    frame : DataFrame
        Any columns; `unit` and `mark` are heeded where they are there.
    column : str
        The column to write. Missing text is empty; a missing number is its row's mark, or "–" without one.

    Returns
    -------
    Series of str
    """
    values = frame[column]
    if pd.api.types.is_datetime64_dtype(values):
        values = values.dt.strftime("%-d %b %Y")
    if frame.empty or not is_number(values):  # without a row every column may pass for one of numbers
        return values.astype("string").fillna("").astype(object)
    unit, mark = optional(frame, "unit").fillna(""), optional(frame, "mark").fillna("")
    alike = [name for name in frame if _kind(name) == _kind(column)]
    like = unit + optional(frame, "source").fillna("")
    places = like.map({name: decimals(rows[alike].stack()) for name, rows in frame.groupby(like)})
    style = "{:.0f}" if column.endswith("year") else "{:,.{}f}"
    cells = zip(values, places, _rounded_away(frame, column), strict=True)
    text = [_cell(value, place, style, traced) if pd.notna(value) else "" for value, place, traced in cells]
    known = pd.Series(text, frame.index, dtype=object)
    flagged = known + " " + (mark if column == "value" else "")
    return flagged.str.strip().where(values.notna(), mark.replace("", BLANK))


def _kind(column: str) -> str:
    """What columns are written alike: figures and their limits, and sums in the same money; else each by itself."""
    money = column.removesuffix("_lower").removesuffix("_upper")
    ending = next((ending for ending in ("_gbp_m", "_gbp") if money.endswith(ending)), column)
    return "value" if column in MEASURED else ending


def _cell(value: float, places: int, style: str, traced: bool) -> str:
    if traced and round(value, places) == 0:
        return (">-" if np.signbit(value) else "<") + f"{10**-places:.{places}f}"
    return style.format(round(value, places) + 0, places)


def _rounded_away(frame: pd.DataFrame, column: str) -> pd.Series:
    """Whether a zero in each row would be a percentage of something, which rounding hides."""
    survey = "%" if "respondents" in frame else ""
    per_cent = optional(frame, "unit", survey).fillna("").str.startswith("%") & (column in SHARES)
    return (per_cent | column.endswith("_pct")) & ~frame.reindex(columns=COUNTS).eq(0).any(axis=1)


def is_number(values: pd.Series) -> bool:
    """Whether a column holds quantities rather than words, dates or yes and no."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


@dataclass(frozen=True)
class Shown:
    """A table in a reader's words, as text and as accessible HTML with every value escaped.

    Parameters
    ----------
    caption : str
        What the table is.
    columns : sequence of str
        Headings.
    numeric : sequence of bool
        Which columns hold numbers, and stand to the right.
    rows : sequence of sequences of str
        The cells; the first of each row names the row.
    notes : sequence of str
        Explanations that stand under the table.
    form : str
        A "table"; "cards", each row under a heading of its own; or "prose", each row a paragraph.
    """

    caption: str
    columns: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    form: str = "table"

    def __repr__(self) -> str:
        body = pd.DataFrame(list(self.rows), columns=list(self.columns)).to_string(index=False)
        return "\n".join([self.caption, body, *self.notes])

    def _repr_html_(self) -> str:
        return _TEMPLATES.get_template("shown.html.j2").render(vars(self))


def show(table: Table, columns: Sequence[str] = (), *, names: Names = None, caption: str = "", rows: int = 30) -> Shown:
    """Show a published table.

    Parameters
    ----------
    table : Table
        Protected or Open.
    columns : sequence of str
        Which columns, in order, the first naming the rows; all but outlines, codes and ids without it.
    names : mapping of str to str, optional
        Headings for columns whose own name does not say enough.
    caption : str
        Instead of the table's title.
    rows : int
        How many rows to show at most; a line under the table says what was left out.

    Returns
    -------
    Shown

    Raises
    ------
    DisclosureError
        The table has not passed the gate.
    """
    columns = [columns] if isinstance(columns, str) else list(columns)
    frame = published(table, *columns)
    columns = columns or [name for name in frame if not name.endswith(("geometry", "_code", "_id"))]
    texts = [as_text(frame, column)[:rows] for column in columns]
    cut = [f"{rows} of {len(frame):,} rows; all are in the tables beside this report."] * (len(frame) > rows)
    marked = {cell.split()[-1] for text in texts for cell in text if cell}
    marks = "; ".join(f"{mark} {words}" for mark, words in EXPLAINED.items() if mark in marked)
    return Shown(
        labelled(caption or subject(table), table),
        [(names or {}).get(column, heading(column)) for column in columns],
        [is_number(frame[column]) for column in columns],
        list(zip(*texts, strict=True)),
        [*cut, *([f"{marks}."] if marks else []), *footnotes(table, columns)],
    )


def subject(table: Table) -> str:
    """Say in one line what a table is about: measure, unit and period of one indicator, or its own title and year."""
    frame = table.frame
    if "indicator" in frame and frame["indicator"].nunique() == 1 and "value" in frame:
        parts = [frame[name].dropna().astype(str) for name in ("indicator", "unit", "period") if name in frame]
        return ", ".join(part.iloc[0] for part in parts if len(part))
    if used := first(frame, "indicators_used"):
        return f"{table.title}, from {used} indicator{'s' * (used != 1)} compared with {first(frame, 'reference')}"
    year = optional(frame, "year").unique()
    return f"{table.title}, {year[0]}" if len(year) == 1 and year[0] else table.title


def made_up(table: Table) -> bool:
    """Whether anything in a table is illustrative: by its rows where they say so."""
    return bool(table.frame["illustrative"].any()) if "illustrative" in table.frame else table.illustrative


def footnotes(table: Table, columns: Sequence[str] = ()) -> list[str]:
    """List a table's sources, where they are few and no column names them, its method and its notes."""
    frame, notes = table.frame, []
    for name, many in (("source", " sources, listed in 01_place."), ("method", " methods, named in the tables.")):
        told = sorted(frame[name].dropna().astype(str).str.split("; ").explode().unique()) if name in frame else []
        if told and name not in columns:
            notes.append(f"{heading(name)}: {'; '.join(told)}." if len(told) <= MOST_NAMED else f"{len(told)}{many}")
    return [*notes, *table.notes]


def labelled(words: str, table: Table) -> str:
    """Add to a caption that the data are made up, where they are."""
    return f"{words} (illustrative data)" if made_up(table) else words


def cards(table: Table, columns: Sequence[str], *, names: Names = None) -> Shown:
    """Show each row as a card: the first column its heading, the others below it where they say anything."""
    return replace(show(table, columns, names=names), form="cards")


def prose(table: Table, column: str) -> Shown:
    """Show a column of published sentences as paragraphs."""
    return replace(show(table, [column]), form="prose")


def csv_text(table: Table) -> str:
    r"""Write a published table as CSV that a spreadsheet cannot mistake for formulas.

    Text that begins with = + - @ or a tab gets an apostrophe before it; numbers are not touched, and missing
    values are empty.

    Examples
    --------
    >>> from placelib.gate import open_table
    >>> csv_text(open_table(pd.DataFrame({"ward_name": ["=1+1"], "change": [-2.0]}), "Wards"))
    "ward_name,change\n'=1+1,-2\n"
    """
    frame = published(table).convert_dtypes()
    text = frame.select_dtypes("string").columns
    frame[text] = frame[text].apply(lambda words: words.mask(words.str.startswith(_FORMULA_STARTS), "'" + words))
    return frame.to_csv(index=False, lineterminator="\n")


def geojson_text(wards: Table, table: Table) -> str:
    """Write published ward values with their boundaries as GeoJSON.

    Parameters
    ----------
    wards : Table
        A GeoDataFrame with ward_code, ward_name and geometry.
    table : Table
        One row a ward, by ward_code.

    Returns
    -------
    str
        As RFC 7946 has it: WGS84, longitude first, outer rings anticlockwise; to five decimal places; a missing value
        is null. Its description and each ward say whether the values are illustrative, as such a file travels alone.
    """
    values = published(table).drop(columns="ward_name", errors="ignore")
    outlines = published(wards)[["ward_code", "ward_name", "geometry"]].sort_values("ward_code").to_crs(4326)
    joined = outlines.merge(values, on="ward_code", how="left", validate="1:1")
    rounded = shapely.transform(joined.geometry.array, lambda points: points.round(DEGREE_DECIMALS))
    joined = joined.set_geometry(shapely.orient_polygons(rounded)).assign(illustrative=made_up(table))
    said = {"description": " ".join([f"{labelled(table.title, table)}.", *wards.notes, *table.notes])}
    return json.dumps(said | joined.to_geo_dict(na="null", drop_id=True), ensure_ascii=False, allow_nan=False)
