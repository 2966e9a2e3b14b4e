"""A contract describes one file: whose it is, what may be done with it, and what every column means."""

import datetime as dt
from typing import Literal

from pydantic import Field, field_validator

from placelib.settings import Strict

# what a file may be, besides the books that data/vocabulary/books.toml describes
KINDS = ["survey", "events", "register", "counts", "series", "rates", "population", "comparators"]
KINDS += ["boundaries", "lookup"]
LABELS = {"lookup": {"area_code", "ward_code", "share"}, "boundaries": {"area_code"}}
COUNTED = ("counts", "series", "rates", "population")  # kinds of which a row is an area with numbers
COMPARATOR_COLUMNS = {"indicator_id", "area_name", "area_type", "value"}
COMPARED = ("england", "region", "neighbour")  # types of area of comparators
ADDED = ("column", "numerator", "denominator", "count")  # keys that name a column of numbers
COUNTING = (*ADDED, "person", "year")  # keys that name a column of a count
AreaType = Literal["point", "postcode", "output area", "lsoa", "msoa", "ward", "place"]


class Personal(Strict):
    """What the law asks before records of people may be used (UK GDPR and Data Protection Act 2018)."""

    controller: str = Field(min_length=3)
    lawful_basis: str = Field(min_length=3)
    special_category_condition: str = Field(min_length=3)
    impact_assessment: str = Field(min_length=3)
    sharing_agreement: str = Field(min_length=3)
    retention: dt.date


class Format(Strict):
    """How the file is laid out, where that is not plain from its ending.

    `header_row` counts from 1. `months` is the strptime pattern of month columns that lie side by side:
    they are stacked into the columns `month` and `count`.
    """

    sheet: str = ""
    header_row: int = Field(default=1, ge=1)
    layer: str = ""
    encoding: str = "utf-8"
    months: str = ""


class Geography(Strict):
    """What places the rows: the columns, the type of area and its vintage, and whose place it is."""

    type: AreaType
    columns: tuple[str, ...] = ()
    vintage: str = Field(default="", pattern=r"^(\d{4})?$")
    crs: Literal[27700, 4326, 4258, 3857] = 27700
    of: Literal["home", "school", "event", "premises", "practice"] = "home"

    @field_validator("type", mode="before")
    @classmethod
    def _no_addresses(cls, value: str) -> str:
        if value == "address":
            raise ValueError("a street address is refused: geocode the file to postcodes or points first")
        return value

    def broken(self) -> dict[str, bool]:
        """Each row is placed by the columns that its type of area takes, of a year where its codes have one."""
        expected = {"point": 2, "place": 0}.get(self.type, 1)
        dated = self.type in ("output area", "lsoa", "msoa", "ward")
        return {
            f"geography of type '{self.type}' takes {expected} column(s)": len(self.columns) != expected,
            f"geography of type '{self.type}' needs a vintage, such as \"2011\"": dated and not self.vintage,
        }


class Column(Strict):
    """One column of the file: its type, unit, range or codes, and how the file marks what is not there."""

    type: Literal["text", "identifier", "integer", "number", "date", "month", "category"]
    label: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    codes: dict[str, str] = {}
    characteristic: str = ""
    suppressed: tuple[str, ...] = ()
    not_applicable: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    date_format: str = "%Y-%m-%d"

    def broken(self) -> dict[str, bool]:
        """A category without codes could hold anything."""
        return {"a category needs codes, and only a category has them": (self.type == "category") != bool(self.codes)}


class Feed(Strict):
    """How the file feeds one shared indicator, and what this agency calls it.

    A survey gives `column` and the codes that count as `yes`. Other kinds count rows, or the sum of the column
    `numerator`, or the different people of the column `person`; `where` keeps only the rows with the given
    values. `denominator` names a column of the same file; without it the vocabulary's denominator is taken from
    the place's population sources. `rebuild_with` names the population that turns a published rate of a small
    area back into a count. `over_time` says whether months are summed (events) or averaged (a stock). `chance` is
    false for a full count, such as a census, which has no sampling interval. `scale` turns the file's number into the
    vocabulary's unit: 100 for a share that feeds a percentage.
    """

    id: str
    term: str
    column: str = ""
    yes: tuple[str, ...] = ()
    numerator: str = ""
    person: str = ""
    where: dict[str, tuple[str, ...]] = {}
    denominator: str = ""
    rebuild_with: str = ""
    over_time: Literal["sum", "mean"] = "sum"
    modelled: bool = False
    chance: bool = True
    scale: float = Field(default=1.0, gt=0)


class Aspiration(Strict):
    """A survey's column that tells what people want, which is not a need: a score, or the share who answer `yes`."""

    id: str
    column: str
    yes: tuple[str, ...] = ()


class Survey(Strict):
    """The sample's design: how people were chosen, and the population margins to rake to.

    `trim` is the lowest and the highest that a weight after raking may be of the weight before, 1 being the average
    change, such as [0.3, 3.0]; without it raking sets no limits.
    """

    design: Literal["probability", "self-selected"]
    stratum: str = ""
    cluster: str = ""
    weight: str = Field(min_length=1)
    rake: tuple[tuple[str, ...], ...] = ()
    trim: tuple[float, float] | None = None

    def broken(self) -> dict[str, bool]:
        """Weights must be able to stay as they are on average."""
        wrong = self.trim is not None and not (self.rake and 0 <= self.trim[0] < 1 < self.trim[1])
        return {"trim needs rake, and two limits: one below 1 (0 or more) and one above 1": wrong}


class Denominator(Strict):
    """A population at risk that this file counts: the column, and which rows."""

    id: str
    column: str
    where: dict[str, tuple[str, ...]] = {}


class Population(Strict):
    """Whom a population file counts, and which of its rows are of this place."""

    basis: Literal["resident", "workday", "projection", "household"]
    count: str
    year: str = ""
    where: dict[str, tuple[str, ...]] = {}


class Contract(Strict):
    """Everything that a place says of one file.

    Raises
    ------
    ValueError
        Gathered by pydantic: personal data without its legal particulars, a release class that does not fit
        the kind, a period that ends before it starts, a feed or a geography that names no column.
    """

    title: str
    agency: str
    kind: str
    release: Literal["open", "administrative", "survey", "commercial"]
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]*$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: str
    attribution: str
    published: dt.date
    period_start: dt.date
    period_end: dt.date
    illustrative: bool = False
    note: str = ""
    threshold: int = Field(default=8, ge=5)
    personal: Personal | None = None
    format: Format = Format()
    geography: Geography | None = None
    survey: Survey | None = None
    population: Population | None = None
    denominators: tuple[Denominator, ...] = ()
    indicators: tuple[Feed, ...] = ()
    aspirations: tuple[Aspiration, ...] = ()
    columns: dict[str, Column] = {}

    def broken(self) -> dict[str, bool]:
        """What the parts of a contract ask of one another."""
        kind, columns, is_open = self.kind, self.columns.values(), self.release == "open"
        people = kind == "survey" or any(column.type == "identifier" for column in columns)
        survey = {kind == "survey", self.release == "survey", self.survey is not None}
        placed = bool(self.indicators) or kind in ("boundaries", "lookup")
        named = {"ward_name"} if kind == "boundaries" and getattr(self.geography, "type", "") == "ward" else set()
        unlabelled = (LABELS.get(kind, set()) | named) - set(self.labels.values())
        undeclared = self.named_columns() - set(self.columns)
        restricted = "a population must be open; a register that is not is a denominator column beside its own counts"
        as_it_is = f"kind '{kind}' is none of {', '.join(KINDS)}, and a book must be open, as tables show it as it is"
        return {
            "period_end is before period_start": self.period_end < self.period_start,
            "records of people need [personal]: controller, lawful basis …": people and self.personal is None,
            "records of people cannot have the release class 'open'": people and is_open,
            "kind 'survey', release 'survey' and [survey] go together": len(survey) > 1,
            "kind 'population' needs [population]": (kind == "population") != (self.population is not None),
            restricted: kind == "population" and not is_open,
            as_it_is: kind not in (*KINDS, "service_wards", "contracts") and not is_open,
            "only a survey has [[aspirations]]": bool(self.aspirations) and kind != "survey",
            "needs [geography]: what places each row": placed and self.geography is None,
            f"a {kind} needs columns labelled {', '.join(sorted(unlabelled))}": bool(unlabelled),
            f"names columns that are not declared: {', '.join(sorted(undeclared))}": bool(undeclared),
            **dict.fromkeys(self._unknown_codes(), True),
        }

    def _unknown_codes(self) -> list[str]:
        """Values that feeds and denominators ask for but that a category cannot hold: they would count nothing."""
        asked = [(each.column, each.yes) for each in (*self.indicators, *self.aspirations)]
        asked += [item for part in self.counted() for item in part.where.items()]
        known = {name: set(column.codes.values()) for name, column in self.columns.items() if column.codes}
        unknown = [(name, sorted(set(values) - known[name])) for name, values in asked if name in known]
        return [f"'{name}' has no code {', '.join(values)}" for name, values in unknown if values]

    def counted(self) -> list[Feed | Denominator | Population]:
        """Parts that count some of the rows."""
        return [*self.indicators, *self.denominators, *filter(None, [self.population])]

    @property
    def labels(self) -> dict[str, str]:
        """Label of each column that has one: in a lookup, outlines or a book, the name that all such files share."""
        return {name: column.label for name, column in self.columns.items() if column.label}

    def named_columns(self) -> set[str]:
        """Columns that the parts of the contract refer to, or that its kind must have."""
        names = set(COMPARATOR_COLUMNS if self.kind == "comparators" else ())
        names |= set(self.geography.columns if self.geography else ()) | {each.column for each in self.aspirations}
        for part in self.counted():
            names |= {getattr(part, key, "") for key in COUNTING} | set(part.where)
        if self.survey:
            names |= {self.survey.stratum, self.survey.cluster, self.survey.weight}
            names |= {name for margin in self.survey.rake for name in margin}
        return names - {""}

    def telling_apart(self) -> list[str]:
        """Columns that tell the rows of a file of areas apart: all but numbers that are counted, or have decimals."""
        if self.kind == "comparators":
            return sorted(COMPARATOR_COLUMNS - {"value"})
        numbers = {getattr(part, key, "") for part in self.counted() for key in ADDED}
        numbers |= {name for name, column in self.columns.items() if column.type == "number"}
        areas = self.geography.columns if self.geography else ()
        return [name for name in self.columns if name in areas or name not in numbers]

    def years(self) -> float:
        """Length of the period in years, to the nearest month."""
        months = (self.period_end.year - self.period_start.year) * 12
        months += self.period_end.month - self.period_start.month + (self.period_end.day > self.period_start.day)
        return max(months, 1) / 12
