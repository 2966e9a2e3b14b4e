"""The shared words: indicators, domains, characteristics, and the columns of each kind of book."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from placelib.settings import Strict
from placelib.sources.books import Book


class TableWords(Strict):
    """How a table that may be published is told, and by which rule of the gate; see data/vocabulary/tables.toml."""

    title: str
    rule: Literal["statistics", "counts", "survey", "commercial"] = "statistics"
    made_of: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    decimals: dict[str, int] = {}
    counts: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    parts_of: str = ""
    notes: tuple[str, ...] = ()


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
    tables : dict of str to TableWords
        How each table leaves, by the name of its stage.
    """

    indicators: pd.DataFrame
    domains: pd.DataFrame
    characteristics: pd.DataFrame
    books: dict[str, Book] = field(default_factory=dict)
    wording: dict[str, dict[str, str]] = field(default_factory=dict)
    aspirations: pd.DataFrame = field(default_factory=pd.DataFrame)
    tables: dict[str, TableWords] = field(default_factory=dict)

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
    """Read the tables of a vocabulary folder, its dictionary of books, its wording and how its tables leave."""
    lists = [folder / f"{name}.csv" for name in ("indicators", "domains", "characteristics", "aspirations")]
    indicators, domains, characteristics, wanted = (pd.read_csv(path, keep_default_na=False) for path in lists)
    texts = ((folder / f"{name}.toml").read_text(encoding="utf8") for name in ("books", "wording", "tables"))
    books, wording, tables = map(tomllib.loads, texts)
    books = {kind: Book(**book) for kind, book in books.items()}
    tables = {name: TableWords(**words) for name, words in tables.items()}
    return Vocabulary(indicators, domains, characteristics, books, wording, wanted, tables)
