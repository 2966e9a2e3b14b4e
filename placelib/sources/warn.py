"""What a file may lack without being wrong: told to the analyst, who knows whether it was meant."""

from collections.abc import Set

import pandas as pd

from placelib.errors import Fault
from placelib.sources.contracts import Contract
from placelib.sources.geography import Geography, some, tidy_postcode

COUNTED = ("counts", "rates", "series", "population")  # kinds that should have a row for every area
DATED = ("counts", "rates", "series", "events")  # a register may well hold dates of birth, or of an earlier start


def lacks(frame: pd.DataFrame, contract: Contract, geography: Geography) -> list[Fault]:
    """Areas and months that a file lacks, and codes and dates of elsewhere, each in a line.

    Parameters
    ----------
    frame : DataFrame
        Typed rows of the source.
    contract : Contract
        What it says of them.
    geography : Geography
        The place's.

    Returns
    -------
    list of Fault
        Things to look at, in the form of a fault. No record of a person is counted exactly: the manifest holds them.
    """
    return _areas(frame, contract, geography) + _times(frame, contract)


def strays(files: list[str], described: Set[str]) -> list[Fault]:
    """Files beside the contracts that none of them describes; contracts aside."""
    mend = "write a contract for it, or take it out of the folder"
    return [
        Fault(name, "no contract describes this file", mend)
        for name in files
        if name not in described and not name.endswith(".toml")
    ]


def _areas(frame: pd.DataFrame, contract: Contract, geography: Geography) -> list[Fault]:
    """Areas that are absent, and codes of elsewhere; an open file, such as a census table, may well be wider."""
    rule, found = contract.geography, []
    if rule is None or rule.type in ("point", "place") or contract.kind in ("boundaries", "lookup"):
        return []
    if rule.type == "postcode":
        known, given = set(geography.postcodes["postcode"]), set(tidy_postcode(frame[rule.columns[0]].dropna()))
    else:
        known, given = geography.expected(rule), set(frame[rule.columns[0]].dropna())
    absent, strange = known - given, given - known
    few = 0 if rule.type == "ward" else len(known) / 2
    if rule.type != "postcode" and contract.kind in COUNTED and len(absent) > few:
        found.append((f"{len(absent)} of the place's {len(known)} {rule.type}s are not in the file ({some(absent)})",
                      "ask the agency whether they are nought, withheld or forgotten"))  # fmt: skip
    if known and strange and contract.release != "open":
        found.append((f"{_many(len(strange), contract)} of its {rule.type} codes are of no area of this district",
                      "look at them; their rows go to the ledger and are not counted"))  # fmt: skip
    return [Fault(contract.file, said, mend, rule.columns[0]) for said, mend in found]


def _times(frame: pd.DataFrame, contract: Contract) -> list[Fault]:
    """Months that are absent, and dates and months before or after the contract's period."""
    found = []
    period = pd.period_range(contract.period_start, contract.period_end, freq="M")
    for name, column in contract.columns.items():
        if contract.kind not in DATED or column.type not in ("date", "month"):
            continue
        months = frame[name].dropna().dt.to_period("M")
        absent = {str(month) for month in period.difference(months.unique())}
        if column.type == "month" and absent:
            said = f"{len(absent)} of the {len(period)} months of its period are not in the file ({some(absent)})"
            found.append(Fault(contract.file, said, "ask for them, or shorten the period in the contract", name))
        late = int((~frame[name].dropna().between(*_limits(contract, column.type))).sum())
        if late:
            said = f"{_many(late, contract)} of its {column.type}s are outside the period of the contract"
            found.append(Fault(contract.file, said, "correct the period, or take those rows out", name))
    return found


def _limits(contract: Contract, kind: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last moment of the period; a month, which is read as its first day, counts if any day of it does."""
    first, last = pd.Timestamp(contract.period_start), pd.Timestamp(contract.period_end) + pd.Timedelta(1, "D")
    return first.replace(day=1) if kind == "month" else first, last - pd.Timedelta(1, "ns")


def _many(count: int, contract: Contract) -> str:
    """How many: exactly for open data, else to the nearest 5, and not at all where they are few."""
    if contract.release == "open":
        return f"{count:,}"
    return f"fewer than {contract.threshold}" if count < contract.threshold else f"about {5 * round(count / 5):,}"
