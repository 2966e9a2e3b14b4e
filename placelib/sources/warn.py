"""What a file may lack without being wrong: told to the analyst, who knows whether it was meant."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from placelib.errors import Fault, some
from placelib.sources.contracts import COUNTED, Contract
from placelib.sources.faults import fault
from placelib.sources.geography import Geography, given_codes

DATED = ("counts", "rates", "series", "events")  # a register may well hold dates of birth, or of an earlier start
CODES = {"postcode": "postcodes", "point": "points"}
UNITS = {"month": "M", "date": "D"}


def lacks(frame: pd.DataFrame, contract: Contract, geography: Geography, rows: pd.Index) -> list[Fault]:
    """Areas and months that a file lacks, and codes and dates of elsewhere, each in a line.

    Parameters
    ----------
    frame : DataFrame
        Typed rows of the source.
    contract : Contract
        What it says of them.
    geography : Geography
        The place's.
    rows : Index
        Row of the file that each row comes from.

    Returns
    -------
    list of Fault
        Things to look at, in the form of a fault. No record of a person is counted exactly: the manifest holds them.
    """
    placed, dated = _areas(frame, contract, geography), _times(frame, contract)
    return [*placed, *dated, *_far_off(frame, contract, rows), *_products(frame, contract)]


def _areas(frame: pd.DataFrame, contract: Contract, geography: Geography) -> Iterator[Fault]:
    """Areas that are absent, and codes of elsewhere; an open file, such as a census table, may well be wider."""
    rule = contract.geography
    known = geography.expected(rule) if rule else set()
    given = set(given_codes(frame, rule).dropna()) if known else set()
    if rule and rule.type == "point":  # told apart by their rows
        known = set(geography.locate(frame, rule)["row"])
        given = set(frame.dropna(subset=list(rule.columns)).index)
    absent, strange = known - given, given - known
    few = {"ward": 0, "postcode": len(known)}.get(rule.type, len(known) / 2) if rule else 0
    if contract.kind in COUNTED and len(absent) > few:
        said = {"absent": len(absent), "known": len(known), "rule": rule, "codes": some(sorted(absent))}
        yield fault("areas_absent", contract.file, rule.columns[0], **said)
    if strange and contract.release != "open":
        said = {"many": _many(len(strange), contract), "kind": CODES.get(rule.type, f"{rule.type} codes")}
        yield fault("areas_of_elsewhere", contract.file, rule.columns[0], **said)


def _times(frame: pd.DataFrame, contract: Contract) -> Iterator[Fault]:
    """Months that are absent, and dates and months before or after the contract's period."""
    dated = contract.columns.items() if contract.kind in DATED else ()
    for name, kind in [(name, column.type) for name, column in dated if column.type in UNITS]:
        period = pd.period_range(contract.period_start, contract.period_end, freq=UNITS[kind])
        times = frame[name].dropna().dt.to_period(UNITS[kind])
        late, absent = (~times.isin(period)).sum(), list(period.difference(times.unique()))
        if kind == "month" and absent:
            said = {"absent": len(absent), "known": len(period), "months": some(absent)}
            yield fault("months_absent", contract.file, name, **said)
        if late:
            yield fault("outside_period", contract.file, name, many=_many(late, contract), kind=kind)


def _far_off(frame: pd.DataFrame, contract: Contract, rows: pd.Index) -> Iterator[Fault]:
    """Figures over ten times any other of their area, or of all areas if there are no months; below ten is ten here.

    In no file that is shipped, and in none of the real ones, is the largest over three times the second.
    """
    areas, layout = contract.geography.columns if contract.geography else (), contract.format
    dated = any(column.type in UNITS for column in contract.columns.values())
    keys = [key for key, column in contract.columns.items() if column.type == "category" or (dated and key in areas)]
    for name in frame.select_dtypes("number").columns.difference(areas) if contract.kind in COUNTED else ():
        alike = frame.sort_values(name, na_position="first").groupby([*keys, np.zeros(len(frame))], dropna=False)[name]
        far = (alike.tail(1) / alike.shift().clip(lower=10)).loc[lambda ratio: ratio > 10].index
        headings = frame["month"].dt.strftime(layout.months) if layout.months else pd.Series(name, frame.index)
        for heading, lines in rows[far].groupby(headings[far]).items():
            yield fault("far_off", contract.file, heading, rows=sorted(lines))


def _products(frame: pd.DataFrame, contract: Contract) -> Iterator[Fault]:
    """Contracts whose yearly value is not what their units cost, by more than a hundredth."""
    if contract.kind == "contracts":
        cost = frame["unit_price"] * frame["units"]
        if len(rows := frame.index[(frame["annual_value"] - cost).abs() > 1 + cost / 100]):
            yield fault("product", contract.file, "annual_value", rows=list(rows))


def _many(count: int, contract: Contract) -> str:
    """How many: exactly for open data, else to the nearest 5, and not at all where they are few."""
    if contract.release == "open":
        return f"{count:,}"
    return f"fewer than {contract.threshold}" if count < contract.threshold else f"about {5 * round(count / 5):,}"
