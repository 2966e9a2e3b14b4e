"""Turn a file's text into typed columns by its contract, gathering every fault on the way."""

import numpy as np
import pandas as pd

from placelib.errors import Fault
from placelib.settings import Settings
from placelib.sources.contracts import Column, Contract
from placelib.sources.terms import Vocabulary

STATUSES = ("suppressed", "not_applicable", "missing")


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
    faults = _headings(text, contract)
    frame, status = {}, {}
    for name, column in contract.columns.items():
        if name in text:
            cells = text[name].str.strip()
            status[name] = _status(cells, column)
            frame[name], broken = _convert(cells.where(status[name] == ""), column)
            faults += _cell_faults(contract.file, name, column, cells, status[name] == "", broken, frame[name])
    return pd.DataFrame(frame, index=text.index), pd.DataFrame(status, index=text.index), faults


def _headings(text: pd.DataFrame, contract: Contract) -> list[Fault]:
    missing = [name for name in contract.columns if name not in text]
    extra = [name for name in text if name not in contract.columns]
    faults = [
        Fault(
            contract.file,
            f"the column is not in the file (it has: {', '.join(map(str, text))})",
            "correct the name in the contract, or ask the agency for the column",
            name,
        )
        for name in missing
    ]
    rule, mend = "the column is not in the contract", "declare it in [columns], or take it out of the file"
    return faults + [Fault(contract.file, rule, mend, str(name)) for name in extra]


def _status(cells: pd.Series, column: Column) -> pd.Series:
    status = pd.Series("", index=cells.index)
    for name in STATUSES:
        status[cells.isin(getattr(column, name))] = name
    return status


def _convert(cells: pd.Series, column: Column) -> tuple[pd.Series, pd.Series]:
    """Values of one column, and which cells could not be read as its type."""
    given = cells.notna() & (cells != "")
    if column.type in ("integer", "number"):
        values = pd.to_numeric(cells, errors="coerce").replace([np.inf, -np.inf], np.nan)
        whole = (values % 1 == 0) if column.type == "integer" else True
        return values, given & ~(values.notna() & whole)
    if column.type in ("date", "month"):
        values = pd.to_datetime(cells, format=column.date_format, errors="coerce")
        return values, given & values.isna()
    if column.type == "category":
        values = cells.map(column.codes)
        return values, given & values.isna()
    return cells, given & False


RULES = {
    "integer": ("is not a whole number", "give digits only: no thousands comma, unit or note"),
    "number": ("is not a number", "give digits only: no thousands comma, unit or note"),
    "date": ("is not a date written as the contract says", "correct the date, or date_format in the contract"),
    "month": ("is not a month written as the contract says", "correct the month, or date_format in the contract"),
    "category": ("is not one of the contract's codes", "correct the file, or add the code to the contract"),
}


def _cell_faults(
    file: str, name: str, column: Column, cells: pd.Series, unmarked: pd.Series, broken: pd.Series, values: pd.Series
) -> list[Fault]:
    low, high = column.minimum, column.maximum
    checks = [
        (
            unmarked & (cells == ""),
            "is empty, and the contract does not say what an empty cell means",
            'add "" to the column\'s missing, not_applicable or suppressed markers',
        ),
        (broken & unmarked, *RULES.get(column.type, ("", ""))),
    ]
    if low is not None:
        checks.append((values < low, f"is below {low:g}", "correct the file, or the contract's minimum"))
    if high is not None:
        checks.append((values > high, f"is above {high:g}", "correct the file, or the contract's maximum"))
    return [Fault(file, rule, mend, name, list(mask.index[mask])) for mask, rule, mend in checks if mask.any()]


def weights(settings: Settings, vocabulary: Vocabulary) -> list[Fault]:
    """Faults in the weights of place.toml: partners or domains that are not known, and weights below 0."""
    domains, partners = list(vocabulary.domains["domain_id"]), {agency.id for agency in settings.agencies}
    sets = {"weights": settings.weights}
    sets |= {f"partner_weights.{partner}": given for partner, given in settings.partner_weights.items()}
    rule, mend = "is not the weight of a domain", f"give a number of 0 or more to one of: {', '.join(domains)}"
    faults = [
        Fault("place.toml", rule, mend, f"{key}.{name}")
        for key, given in sets.items()
        for name, weight in given.items()
        if name not in domains or weight < 0
    ]
    strangers = sorted(set(settings.partner_weights) - partners)
    rule, mend = "is not the id of an agency", "use an id of [[agencies]]"
    return faults + [Fault("place.toml", rule, mend, f"partner_weights.{name}") for name in strangers]


def comparators(contract: Contract, frame: pd.DataFrame, vocabulary: Vocabulary) -> list[Fault]:
    """Faults in a comparators file: indicators that the vocabulary does not have."""
    if contract.kind != "comparators":
        return []
    unknown = sorted(set(frame["indicator_id"]) - set(vocabulary.indicators["indicator_id"]))
    mend = "correct the id, or add the indicator to data/vocabulary/indicators.csv"
    return [Fault(contract.file, f"'{name}' is not a shared indicator", mend, "indicator_id") for name in unknown]


def words(contract: Contract, file: str, *, vocabulary: Vocabulary, agencies: set[str]) -> list[Fault]:
    """Faults in the words of a contract: agencies, indicators, characteristics and categories that are not known."""
    faults = []
    if contract.agency not in agencies:
        known = ", ".join(sorted(agencies))
        faults.append(
            Fault(file, f"'{contract.agency}' is not an agency of place.toml ({known})", "correct it", "agency")
        )
    indicators = set(vocabulary.indicators["indicator_id"])
    for feed in contract.indicators:
        if feed.id not in indicators:
            rule = f"'{feed.id}' is not in data/vocabulary/indicators.csv"
            faults.append(Fault(file, rule, "correct the id, or add the indicator", "indicators"))
    known_categories = vocabulary.characteristics.groupby("characteristic")["category"].agg(set)
    for name, column in contract.columns.items():
        if column.characteristic:
            unknown = set(column.codes.values()) - known_categories.get(column.characteristic, set())
            rule = f"'{column.characteristic}' has no category {', '.join(sorted(unknown))}"
            mend = "use the categories of data/vocabulary/characteristics.csv"
            faults += [Fault(file, rule, mend, name)] if unknown else []
    return faults
