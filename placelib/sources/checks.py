"""Turn a file's text into typed columns by its contract, gathering every fault on the way."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from placelib.errors import Fault
from placelib.settings import Settings
from placelib.sources.contracts import KINDS, Column, Contract
from placelib.sources.terms import Vocabulary

STATUSES = ("suppressed", "not_applicable", "missing")
EMPTY = (
    "is empty, and the contract does not say what an empty cell means",
    'fill it in, or add "" to the column\'s missing, not_applicable or suppressed markers',
)
RULES = {
    "integer": ("is not a whole number", "give digits only: no thousands comma, unit or note"),
    "number": ("is not a number", "give digits only: no thousands comma, unit or note"),
    "date": ("is not a date written as the contract says", "correct the date, or date_format in the contract"),
    "month": ("is not a month written as the contract says", "correct the month, or date_format in the contract"),
    "category": ("is not one of the contract's codes", "correct the file, or add the code to the contract"),
}


def typed(text: pd.DataFrame, contract: Contract) -> tuple[pd.DataFrame, pd.DataFrame, list[Fault]]:
    """Convert each declared column, setting marked cells aside.

    Parameters
    ----------
    text : DataFrame
        Every cell as text; the index is the row as a spreadsheet counts it.
    contract : Contract
        What each column holds.

    Returns
    -------
    frame : DataFrame
        Typed columns; a marked cell is missing.
    status : DataFrame
        For each column with markers: "", "suppressed", "not_applicable" or "missing"; never a zero.
    faults : list of Fault
        Cells and columns that break the contract; no cell's value is repeated.
    """
    faults, frame, status = _headings(text, contract), {}, {}
    for name in [name for name in contract.columns if name in text]:
        frame[name], status[name], broken = _read(text[name].str.strip(), contract.columns[name])
        rows = [(list(mask.index[mask]), rule, mend) for mask, rule, mend in broken]
        faults += [Fault(contract.file, rule, mend, name, wrong) for wrong, rule, mend in rows if wrong]
    return pd.DataFrame(frame, index=text.index), pd.DataFrame(status, index=text.index), faults


def _headings(text: pd.DataFrame, contract: Contract) -> list[Fault]:
    """Columns that only the contract has, and those that only the file has."""
    absent = f"the column is not in the file (it has: {', '.join(map(str, text))})"
    ask = "correct the name in the contract, or ask the agency for the column"
    extra, declare = "the column is not in the contract", "declare it in [columns], or take it out of the file"
    faults = [Fault(contract.file, absent, ask, name) for name in contract.columns if name not in text]
    return faults + [Fault(contract.file, extra, declare, str(name)) for name in text if name not in contract.columns]


def _read(cells: pd.Series, column: Column) -> tuple[pd.Series, pd.Series, list[tuple[pd.Series, str, str]]]:
    """Values of one column, why cells are marked, and for each rule: which cells break it, its words and its mend."""
    status = pd.Series("", index=cells.index)
    for name in STATUSES:
        status[cells.isin(getattr(column, name))] = name
    given, empty = cells.where(status == ""), cells == ""
    values = _values(given, column)
    unread = given.notna() & ~empty & values.isna()
    mend = "correct the file, or the contract's limit"
    broken = [(empty & (status == ""), *EMPTY), (unread, *RULES.get(column.type, EMPTY))]
    if column.minimum is not None:
        broken.append((values < column.minimum, f"is below {column.minimum:g}", mend))
    if column.maximum is not None:
        broken.append((values > column.maximum, f"is above {column.maximum:g}", mend))
    return values, status, broken


def _values(cells: pd.Series, column: Column) -> pd.Series:
    """Cells as the type of their column; one that cannot be read so is missing."""
    if column.type in ("integer", "number"):
        values = pd.to_numeric(cells, errors="coerce").where(np.isfinite)
        return values.where(values % 1 == 0) if column.type == "integer" else values
    if column.type in ("date", "month"):
        return pd.to_datetime(cells, format=column.date_format, errors="coerce")
    return cells.map(column.codes) if column.type == "category" else cells


def weights(settings: Settings, vocabulary: Vocabulary) -> list[Fault]:
    """Faults in the weights of place.toml: partners or domains that are not known."""
    domains, partners = list(vocabulary.domains["domain_id"]), {agency.id for agency in settings.agencies}
    sets = {"weights": settings.weights}
    sets |= {f"partner_weights.{partner}": given for partner, given in settings.partner_weights.items()}
    rule, mend = "is not a domain of need", f"use one of: {', '.join(domains)}"
    keys = [f"{key}.{name}" for key, given in sets.items() for name in given if name not in domains]
    faults = [Fault("place.toml", rule, mend, key) for key in keys]
    strangers = sorted(set(settings.partner_weights) - partners)
    rule, mend = "is not the id of an agency", "use an id of [[agencies]]"
    return faults + [Fault("place.toml", rule, mend, f"partner_weights.{name}") for name in strangers]


def words(contract: Contract, file: str, settings: Settings, vocabulary: Vocabulary) -> list[Fault]:
    """Faults in the words of a contract: agencies, indicators, characteristics and categories that are not known."""
    faults, agencies = [], {agency.id for agency in settings.agencies}
    if contract.agency not in agencies:
        rule = f"'{contract.agency}' is not an agency of place.toml ({', '.join(sorted(agencies))})"
        faults.append(Fault(file, rule, "correct it", "agency"))
    if contract.kind not in (kinds := [*KINDS, *vocabulary.books]):
        faults.append(Fault(file, f"must be one of {', '.join(kinds)}", "correct the value", "kind"))
    elif not contract.columns:
        faults.append(Fault(file, "is not given", "describe every column of the file", "columns"))
    faults += _strangers(file, "indicators", (feed.id for feed in contract.indicators), vocabulary.indicators)
    faults += _strangers(file, "aspirations", (each.id for each in contract.aspirations), vocabulary.aspirations)
    categories = vocabulary.characteristics.groupby("characteristic")["category"].agg(set)
    for name, column in contract.columns.items():
        unknown = set(column.codes.values()) - categories.get(column.characteristic, set())
        if column.characteristic and unknown:
            rule = f"'{column.characteristic}' has no category {', '.join(sorted(unknown))}"
            faults.append(Fault(file, rule, "use the categories of data/vocabulary/characteristics.csv", name))
    return faults


def comparators(contract: Contract, frame: pd.DataFrame, vocabulary: Vocabulary) -> list[Fault]:
    """Faults in a comparators file: indicators that the vocabulary does not have."""
    given = frame["indicator_id"].unique() if contract.kind == "comparators" else ()
    return _strangers(contract.file, "indicator_id", given, vocabulary.indicators)


def _strangers(file: str, column: str, given: Iterable[str], words: pd.DataFrame) -> list[Fault]:
    table, mend = "aspirations" if column == "aspirations" else "indicators", "correct the id, or add it there"
    rule = f"'{{}}' is not in data/vocabulary/{table}.csv"
    known = set() if words.empty else set(words.iloc[:, 0])
    return [Fault(file, rule.format(name), mend, column) for name in given if name not in known]
