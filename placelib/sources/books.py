"""The books of a partnership (money, services, decisions, risks): what each kind of file holds, checked as a whole."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import chain, pairwise
from typing import Any

import pandas as pd
from pydantic import model_validator

from placelib.errors import Fault, some
from placelib.settings import Strict
from placelib.sources.contracts import Column, Contract
from placelib.sources.faults import fault

ROUNDING = 0.0005  # shares given to three decimal places
TYPES = {"integer": float, "number": float, "date": "datetime64[ns]"}
Broken = Iterator[tuple[str, pd.DataFrame, str, dict]]  # the rule, the rows that break it, the column, and what is said


class BookColumn(Column):
    """A column that every file of a kind has; see data/vocabulary/books.toml for the keys."""

    about: str
    once: bool = False
    refers: str = ""
    financial_year: bool = False
    filled_where: dict[str, str] = {}
    called: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _as_in_a_contract(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Say `allowed` and `blank` in the words of a contract's column."""
        own = {key: value for key, value in given.items() if key not in ("allowed", "blank")}
        marks = ("",) if given.get("blank") else ()
        return own | {"codes": {code: code for code in given.get("allowed", ())}, "not_applicable": marks}


class Within(Strict):
    """Columns that a rule holds together, within rows of the same value; and sums of those that do not sum to 1."""

    within: str
    columns: tuple[str, ...]
    sums: dict[str, float] = {}


class Book(Strict):
    """One kind of file: its columns, what names a row, and the rules that hold between cells."""

    about: str
    key: tuple[str, ...] = ()
    sums_to_one: Within | None = None
    alike: Within | None = None
    later: tuple[tuple[str, str], ...] = ()
    rising: tuple[tuple[str, ...], ...] = ()
    no_circle: tuple[str, str] | None = None
    columns: dict[str, BookColumn]

    def empty(self) -> pd.DataFrame:
        """The book of a place that has none: its columns, without a row."""
        types = {name: TYPES.get(column.type, object) for name, column in self.columns.items()}
        return pd.DataFrame(columns=list(types)).astype(types)


def completed(contract: Contract, books: Mapping[str, Book]) -> Contract:
    """Add to a contract the columns of its kind that it does not declare itself, under the same name or a label."""
    if contract.kind not in books:
        return contract
    said = {contract.labels.get(name, name) for name in contract.columns}
    unsaid = {name: column for name, column in books[contract.kind].columns.items() if name not in said}
    return contract.model_copy(update={"columns": contract.columns | unsaid})


def faults(
    files: Sequence[tuple[Contract, pd.DataFrame]], books: Mapping[str, Book], known: Mapping[str, set[str]]
) -> list[Fault]:
    """Every row that breaks a rule of its book, or refers to what is in none.

    Parameters
    ----------
    files : sequence of (contract, rows)
        The place's books, in the columns of the dictionary, indexed by the row of the file.
    books : mapping of kind to Book
        The shared dictionary.
    known : mapping of str to set of str
        "agency", "indicator", "domain" and "ward": what those columns may hold.
    """
    parts: dict[str, dict[str, pd.DataFrame]] = {}
    for contract, rows in files:
        parts.setdefault(contract.kind, {})[contract.file] = rows
    whole = {kind: pd.concat(frames, names=["file", "row"]) for kind, frames in parts.items()}
    listed = {f"{kind}.{name}": set(frame[name].dropna()) for kind, frame in whole.items() for name in frame}
    terms = {contract.file: contract for contract, _ in files}
    found = []
    for kind, frame in whole.items():
        rules = [_strangers(frame, books[kind], {**known, **listed}), _repeats(frame, books[kind])]
        rules += [_wrong_sums(frame, books[kind]), _unlike(frame, books[kind]), _wrong_order(frame, books[kind])]
        rules += [_circles(frame, books[kind]), _holes(frame, books[kind])]
        for rule, broken, column, said in chain(*rules):
            for file, rows in broken.groupby("file"):
                own = next((name for name, label in terms[file].labels.items() if label == column), column)
                values = some([f"'{value}'" for value in rows[column].unique()])
                said["values"] = f": {values}" if terms[file].release == "open" else ""
                found.append(fault(rule, file, own, rows=rows.index.get_level_values("row").tolist(), **said))
    return found


def _strangers(frame: pd.DataFrame, book: Book, known: Mapping[str, set[str]]) -> Broken:
    """Values that must be found elsewhere and are not, and words that the book does not have."""
    for name, column in book.columns.items():
        kind, _, other = column.refers.partition(".")
        rule = "book_category" if column.codes else "not_listed" if other else "unknown"
        allowed = set(column.codes) or known.get(column.refers, set())
        said = {"kind": kind, "column": other, "words": ", ".join(column.codes), "known": some(sorted(allowed), 20)}
        said["absent"] = "" if column.refers in known else f" (there is no file of kind {kind})"
        if column.refers or column.codes:
            yield rule, frame[frame[name].notna() & ~frame[name].isin(allowed)], name, said


def _repeats(frame: pd.DataFrame, book: Book) -> Broken:
    """Rows that name what another row has named, in this file or in another of the kind."""
    singles = [[name] for name, column in book.columns.items() if column.once]
    for names in filter(None, [list(book.key), *singles]):
        given = frame.dropna(subset=names)
        for _, same in given[given.duplicated(names, keep=False)].groupby(names):
            said = {"names": " and ".join(names), "first": same.index[0], "s": "s" * (len(names) == 1)}
            yield "repeated", same.iloc[1:], names[0], said


def _wrong_sums(frame: pd.DataFrame, book: Book) -> Broken:
    """Shares that do not add up to 1."""
    for name in book.sums_to_one.columns if book.sums_to_one else ():
        for key, part in frame.groupby(book.sums_to_one.within):
            due = book.sums_to_one.sums.get(key, 1)
            if abs((total := part[name].sum()) - due) > ROUNDING:
                yield "sum", part, name, {"key": key, "total": total, "due": due}


def _unlike(frame: pd.DataFrame, book: Book) -> Broken:
    """Cells that say one thing of the same matter in one row, and another in the next."""
    for name in book.alike.columns if book.alike else ():
        for key, part in frame.groupby(book.alike.within):
            if part[name].nunique(dropna=False) > 1:
                yield "unlike", part, name, {"key": key}


def _wrong_order(frame: pd.DataFrame, book: Book) -> Broken:
    """Dates the wrong way round, and numbers that fall where they should rise or stay."""
    for first, last in book.later:
        yield "later", frame[frame[last] <= frame[first]], last, {"first": first}
    for names in book.rising:
        falls = (frame[list(names)].diff(axis=1) < 0).any(axis=1)
        yield "rising", frame[falls], names[0], {"names": ", ".join(names)}


def _holes(frame: pd.DataFrame, book: Book) -> Broken:
    """Cells that are empty where another says that they must not be, and years that are not financial ones."""
    for name, column in book.columns.items():
        for other, value in column.filled_where.items():
            yield "hole", frame[frame[name].isna() & frame[other].eq(value)], name, {"other": other, "value": value}
        if column.financial_year:
            given = frame[name].dropna().astype(str)
            first = pd.to_numeric(given.str[:4], errors="coerce").fillna(0).astype(int)
            meant = [f"{year}-{(year + 1) % 100:02d}" for year in first]
            yield "financial_year", frame.loc[given.index[given != meant]], name, {}


def _circles(frame: pd.DataFrame, book: Book) -> Broken:
    """What leans on itself, by way of others or not."""
    if book.no_circle:
        source, target = book.no_circle
        try:
            TopologicalSorter(frame.groupby(source)[target].agg(set).to_dict()).prepare()
        except CycleError as error:
            ring = error.args[1]
            links = {frozenset(pair) for pair in pairwise(ring)}
            inside = [frozenset(pair) in links for pair in zip(frame[source], frame[target], strict=True)]
            yield "circle", frame[inside], target, {"ring": " → ".join(ring)}
