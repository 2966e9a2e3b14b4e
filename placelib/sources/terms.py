"""The shared words: indicators, domains, characteristics, and the columns of each kind of book."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from placelib.sources.books import Book


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The lingua franca between agencies.

    Parameters
    ----------
    indicators : DataFrame
        A row an indicator: name, domain, direction, unit, denominator, lead agency, duty.
    domains : DataFrame
        A row a domain of need: name, weight in the index, colour, question.
    characteristics : DataFrame
        A row a category of each characteristic, in GSS / Census 2021 words.
    books : dict of str to Book
        What each kind of file about money, services, decisions and risks holds.
    wording : dict of str to dict of str to str
        Words that tables made of other tables need: reasons, groups, the lines of a decision record.
    aspirations : DataFrame
        A row an aspiration: what people say, its kind and its theme of the place standard.
    """

    indicators: pd.DataFrame
    domains: pd.DataFrame
    characteristics: pd.DataFrame
    books: dict[str, Book] = field(default_factory=dict)
    wording: dict[str, dict[str, str]] = field(default_factory=dict)
    aspirations: pd.DataFrame = field(default_factory=pd.DataFrame)

    def named(self, table: pd.DataFrame) -> pd.DataFrame:
        """Add the indicator's and domain's names to a table with `indicator_id`, checking that each is known."""
        names = self.indicators.merge(self.domains[["domain_id", "domain", "colour"]], on="domain_id", validate="m:1")
        new = ["indicator_id", *(name for name in names if name not in table)]
        return table.merge(names[new], on="indicator_id", how="left", validate="m:1")

    def categories(self, table: pd.DataFrame) -> pd.DataFrame:
        """Add the names and order of the categories to a table with `characteristic` and `category`."""
        names = self.characteristics.drop(columns="standard")
        return table.merge(names, on=["characteristic", "category"], how="left", validate="m:1")


def read_vocabulary(folder: Path) -> Vocabulary:
    """Read the three tables of a vocabulary folder, its dictionary of books and its wording."""
    names = ("indicators", "domains", "characteristics")
    tables = [pd.read_csv(folder / f"{name}.csv", keep_default_na=False) for name in names]
    books, wording = (
        tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf8")) for name in ("books", "wording")
    )
    wanted = pd.read_csv(folder / "aspirations.csv", keep_default_na=False)
    return Vocabulary(*tables, {kind: Book(**book) for kind, book in books.items()}, wording, wanted)
