"""The books of a partnership (money, services, decisions, risks): what each kind of file holds, checked as a whole."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import pandas as pd

from placelib.errors import Fault
from placelib.settings import Strict
from placelib.sources.contracts import Column, Contract

ROUNDING = 0.0005  # shares given to three decimal places
TYPES = {"integer": float, "number": float, "date": "datetime64[ns]"}


class BookColumn(Column):
    """A column that every file of a kind has; see data/vocabulary/books.toml for the keys."""

    about: str
    blank: bool = False
    once: bool = False
    refers: str = ""
    allowed: tuple[str, ...] = ()
    called: dict[str, str] = {}

    def broken(self) -> dict[str, bool]:
        """A category has the values that are allowed."""
        return {"a category needs 'allowed', and only it has them": (self.type == "category") != bool(self.allowed)}

    def declared(self) -> Column:
        """The column as a contract would declare it."""
        own = self.model_dump(include=set(Column.model_fields))
        return Column(**own | {"codes": dict(zip(self.allowed, self.allowed, strict=True))} | self._marks())

    def _marks(self) -> dict[str, tuple[str, ...]]:
        return {"not_applicable": ("",)} if self.blank else {}


class Shares(Strict):
    """Shares that add up to 1 within rows of the same value."""

    within: str
    columns: tuple[str, ...]


class Book(Strict):
    """One kind of file: its columns, what names a row, and the rules that hold between cells."""

    about: str
    key: tuple[str, ...] = ()
    sums_to_one: Shares | None = None
    later: tuple[tuple[str, str], ...] = ()
    no_circle: tuple[str, str] | None = None
    columns: dict[str, BookColumn]

    def empty(self) -> pd.DataFrame:
        """The book of a place that has none: its columns, without a row."""
        return pd.DataFrame(
            {name: pd.Series(dtype=TYPES.get(each.type, object)) for name, each in self.columns.items()}
        )


def completed(contract: Contract, books: Mapping[str, Book]) -> Contract:
    """Add to a contract the columns of its kind that it does not declare itself, under the same name or a label."""
    book = books.get(contract.kind)
    if book is None:
        return contract
    said = {column.label or name for name, column in contract.columns.items()}
    unsaid = {name: column.declared() for name, column in book.columns.items() if name not in said}
    return contract.model_copy(update={"columns": contract.columns | unsaid})


def opened(frame: pd.DataFrame, contract: Contract, books: Mapping[str, Book]) -> pd.DataFrame:
    """Give the rows of a file the column names of its book, and no others."""
    book = books.get(contract.kind)
    if book is None:
        return frame
    labels = {name: column.label for name, column in contract.columns.items() if column.label}
    return frame.rename(columns=labels)[list(book.columns)]


def faults(
    files: Mapping[str, list[tuple[Contract, pd.DataFrame]]], books: Mapping[str, Book], known: Mapping[str, set[str]]
) -> list[Fault]:
    """Every row that breaks a rule of its book, or refers to what is in none.

    Parameters
    ----------
    files : mapping of kind to list of (contract, rows)
        The place's books, indexed by the row of the file.
    books : mapping of kind to Book
        The shared dictionary.
    known : mapping of str to set of str
        "agency", "indicator", "domain" and "ward": what those columns may hold.
    """
    known = defaultdict(set, known)
    for kind, parts in files.items():
        for name in books[kind].columns:
            known[f"{kind}.{name}"] = {value for _, frame in parts for value in frame[name].dropna()}
    found = []
    for kind, parts in files.items():
        seen: dict[tuple, str] = {}
        for contract, frame in parts:
            rules = [_strangers(frame, books[kind], known), _repeats(frame, books[kind], seen, contract.file)]
            rules += [_within(frame, books[kind])]
            told = {label: name for name, column in contract.columns.items() if (label := column.label)}
            for rows, column, rule, mend in (fault for each in rules for fault in each):
                found.append(Fault(contract.file, rule, mend, told.get(column, column), rows))
    return found


Broken = Iterator[tuple[list[int], str, str, str]]


def _rows(mask: pd.Series) -> list[int]:
    return mask.index[mask].tolist()


def _strangers(frame: pd.DataFrame, book: Book, known: Mapping[str, set[str]]) -> Broken:
    """Values that must be found elsewhere and are not."""
    for name, column in book.columns.items():
        rows = _rows(frame[name].notna() & ~frame[name].isin(known[column.refers])) if column.refers else []
        if rows:
            book, _, cell = column.refers.partition(".")
            rule = f"is not in column '{cell}' of the place's {book}" if cell else f"is no known {book}"
            yield rows, name, rule, "correct it, or add what it names"


def _repeats(frame: pd.DataFrame, book: Book, seen: dict[tuple, str], file: str) -> Broken:
    """Rows that name what another row has named, in this file or in another of the kind."""
    singles = [[name] for name, column in book.columns.items() if column.once]
    for names in filter(None, [list(book.key), *singles]):
        rows: dict[str, list[int]] = defaultdict(list)
        for row, values in frame[names].dropna().iterrows():
            first = seen.setdefault((*names, *values), f"{file}, row {row}")
            rows[first] += [row] if first != f"{file}, row {row}" else []
        for first, again in rows.items():
            if again:
                rule = f"{' and '.join(names)} stand already in {first}: it would be counted twice"
                yield again, names[0], rule, "take one of them out"


def _within(frame: pd.DataFrame, book: Book) -> Broken:
    """Shares that do not add up, dates the wrong way round, and what leans on itself."""
    for name in book.sums_to_one.columns if book.sums_to_one else ():
        total = frame.groupby(book.sums_to_one.within)[name].transform("sum")
        for key, part in frame[(total - 1).abs() > ROUNDING].groupby(book.sums_to_one.within):
            rule = f"the shares of {key} sum to {total[part.index[0]]:.3f}, not to 1"
            yield part.index.tolist(), name, rule, "correct the shares"
    for first, last in book.later:
        rows = _rows(frame[last] <= frame[first])
        if rows:
            yield rows, last, f"is not after '{first}'", "correct one of the two dates"
    if book.no_circle:
        source, target = book.no_circle
        try:
            TopologicalSorter(frame.groupby(source)[target].agg(set).to_dict()).prepare()
        except CycleError as error:
            ring = error.args[1]
            pairs = set(zip(ring[1:], ring, strict=False)) | set(zip(ring, ring[1:], strict=False))
            rows = _rows(
                pd.Series([pair in pairs for pair in zip(frame[source], frame[target], strict=True)], frame.index)
            )
            yield rows, target, f"goes round in a circle: {' → '.join(ring)}", "take one of these links out"
