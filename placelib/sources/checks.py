"""Turn a file's text into typed columns by its contract; gather every fault on the way, and what may be lacking."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from placelib.errors import Fault, some
from placelib.settings import Settings
from placelib.sources.books import BookColumn
from placelib.sources.contracts import COMPARED, COUNTED, KINDS, Column, Contract
from placelib.sources.faults import WORDS, fault
from placelib.sources.geography import Geography, given_codes
from placelib.sources.terms import Vocabulary

STATUSES = ("suppressed", "not_applicable", "missing")
DAY = dt.date(2029, 3, 31)  # shows how a date is to be written: neither of its numbers can be taken for the other
DATED = ("counts", "rates", "series", "events")  # a register may well hold dates of birth, or of an earlier start
CODES = {"postcode": "postcodes", "point": "points"}
UNITS = {"month": "M", "date": "D"}


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
    spare = [name for name, column in contract.columns.items() if _spare(column) and name not in text]
    text = text.assign(**dict.fromkeys(spare, ""))
    for name, column in [(name, column) for name, column in contract.columns.items() if name in text]:
        frame[name], status[name], broken = _read(text[name].str.strip(), column)
        stacked = contract.format.months and name in ("month", "count")  # each month is a column of the file
        headings = text["month"] if stacked else pd.Series(name, text.index)
        for rule, wrong in broken.items():
            told = text.index[wrong].groupby(headings[wrong]).items()
            of_book = isinstance(column, BookColumn) and f"book_{rule}" in WORDS
            said = {"column": column, "day": DAY, "words": ", ".join(column.codes)}
            name = f"book_{rule}" if of_book else rule
            faults += [fault(name, contract.file, at, rows=list(rows.unique()), **said) for at, rows in told]
    return pd.DataFrame(frame, index=text.index), pd.DataFrame(status, index=text.index), faults


def _headings(text: pd.DataFrame, contract: Contract) -> list[Fault]:
    """Columns that only the contract has, and those that only the file has."""
    file, said = contract.file, {"headings": ", ".join(map(str, text))}
    absent = [name for name, column in contract.columns.items() if name not in text and not _spare(column)]
    faults = [fault("column_absent", file, name, **said) for name in absent]
    return faults + [fault("column_undeclared", file, str(name)) for name in text if name not in contract.columns]


def _spare(column: Column) -> bool:
    """Whether a book allows the column to be blank, so that a file may be without it."""
    return isinstance(column, BookColumn) and bool(column.not_applicable)


def _read(cells: pd.Series, column: Column) -> tuple[pd.Series, pd.Series, dict[str, pd.Series]]:
    """Values of one column, why cells are marked, and for each rule whether each row breaks it."""
    status = pd.Series("", index=cells.index)
    for name in STATUSES:
        status[cells.isin(getattr(column, name))] = name
    given, empty = cells.where(status == ""), cells == ""
    values = _values(given, column)
    broken = {"empty": empty & (status == ""), column.type: given.notna() & ~empty & values.isna()}
    if column.minimum is not None:
        broken["minimum"] = values < column.minimum
    if column.maximum is not None:
        broken["maximum"] = values > column.maximum
    return values, status, broken


def _values(cells: pd.Series, column: Column) -> pd.Series:
    """Cells as the type of their column; one that cannot be read so is missing."""
    if column.type in ("integer", "number"):
        values = pd.to_numeric(cells, errors="coerce").where(np.isfinite)
        return values.where(values % 1 == 0) if column.type == "integer" else values
    if column.type in ("date", "month"):
        return pd.to_datetime(cells, format=column.date_format, errors="coerce")
    return cells.map(column.codes) if column.type == "category" else cells


def rows(
    text: pd.DataFrame, frame: pd.DataFrame, status: pd.DataFrame, contract: Contract, vocabulary: Vocabulary
) -> list[Fault]:
    """Faults that show only when rows are held together, or against the vocabulary: see `typed` for what is given."""
    if contract.kind != "comparators":
        return _repeats(text, frame, status, contract) if contract.kind in COUNTED else []
    wrong = text.index[~frame["area_type"].isin(COMPARED)]
    said = {"rows": list(wrong), "known": ", ".join(COMPARED)}
    faults = [fault("no_kind", contract.file, "area_type", **said)] if len(wrong) else []
    faults += strangers(contract.file, "indicator_id", frame["indicator_id"].unique(), vocabulary)
    all_of_them = vocabulary.indicators.query("measure == 'proportion'").set_index("indicator_id")["per"].astype(float)
    if len(over := text.index[frame["value"] > frame["indicator_id"].map(all_of_them)]):
        faults.append(fault("over_all", contract.file, "value", rows=list(over)))
    return faults + _repeats(text, frame, status, contract)


def _repeats(text: pd.DataFrame, frame: pd.DataFrame, status: pd.DataFrame, contract: Contract) -> list[Fault]:
    """Rows that are counted, and are alike in all that tells rows apart: their numbers would be added up twice.

    Two codes of one meaning are two rows, and so are two areas that are not given or two categories that are withheld.
    """
    cells, names = text.apply(lambda column: column.str.strip()), contract.telling_apart()
    areas = list(contract.geography.columns) if contract.geography else []
    used = np.full(len(frame), contract.kind == "comparators")
    for part in contract.counted():
        given = {name: frame[name] if contract.columns[name].codes else cells[name] for name in part.where}
        used |= np.all([given[name].isin(values) for name, values in part.where.items()], axis=0)
    told = cells[used & ~(frame[areas].isna().any(axis=1) | status[names].eq("suppressed").any(axis=1))]
    first = pd.Series(told.index, told.index)
    first = first.groupby([told[name].to_numpy() for name in names]).transform("first") if names else first
    if (later := first.index[first != first.index]).empty:
        return []
    above = some(first[first != first.index].unique())
    return [fault("alike", contract.file, rows=list(later.unique()), names=", ".join(names), first=above)]


def weights(settings: Settings, vocabulary: Vocabulary) -> list[Fault]:
    """Faults in what place.toml says of partners and weights: partners or domains that are not known."""
    domains, agencies = list(vocabulary.domains["domain_id"]), [agency.id for agency in settings.agencies]
    sets = {f"partner_weights.{partner}": given for partner, given in settings.partner_weights.items()}
    sets["weights"] = settings.weights
    keys = [f"{key}.{name}" for key, given in sets.items() for name in given if name not in domains]
    faults = [fault("no_domain", "place.toml", key, known=", ".join(domains)) for key in keys]
    named = {f"partner_weights.{partner}": partner for partner in settings.partner_weights}
    named |= {f"agencies.{agency.id}.part_of": agency.part_of for agency in settings.agencies if agency.part_of}
    return faults + [fault("no_partner", "place.toml", key) for key, name in named.items() if name not in agencies]


def words(contract: Contract, file: str, settings: Settings, vocabulary: Vocabulary) -> list[Fault]:
    """Faults in the words of a contract: agencies, indicators, characteristics and categories that are not known."""
    faults, agencies = [], sorted(agency.id for agency in settings.agencies)
    if contract.agency not in agencies:
        faults.append(fault("no_agency", file, "agency", name=contract.agency, known=", ".join(agencies)))
    if contract.kind not in (kinds := [*KINDS, *vocabulary.books]):
        faults.append(fault("no_kind", file, "kind", known=", ".join(kinds)))
    elif not contract.columns:
        faults.append(fault("no_columns", file, "columns"))
    faults += strangers(file, "indicators", [each.id for each in contract.indicators], vocabulary)
    faults += strangers(file, "aspirations", [each.id for each in contract.aspirations], vocabulary)
    categories = vocabulary.characteristics.groupby("characteristic")["category"].agg(set)
    for name, column in contract.columns.items():
        unknown = sorted(set(column.codes.values()) - categories.get(column.characteristic, set()))
        if column.characteristic and unknown:
            said = {"characteristic": column.characteristic, "unknown": ", ".join(unknown)}
            faults.append(fault("no_category", file, f"columns.{name}", **said))
    return faults


def joined(contracts: Mapping[str, Contract], vocabulary: Vocabulary) -> list[Fault]:
    """Faults that no file has alone: nothing to assess, twice the same, a rate of people whom no file counts."""
    surplus = [name for name, contract in contracts.items() if contract.kind == "survey"][1:]
    sole = {name: contract for name, contract in contracts.items() if name not in surplus}
    feeds = [(name, each) for name, contract in sole.items() for each in contract.indicators]
    known = vocabulary.indicators.set_index("indicator_id")
    in_index = any(known.loc[each.id, "in_index"] == "yes" for _, each in feeds)
    counted = {each.id for contract in contracts.values() for each in contract.denominators}
    rates = [(name, each) for name, each in feeds if contracts[name].kind not in ("survey", "rates")]
    people = dict.fromkeys((name, known.loc[each.id, "denominator"]) for name, each in rates if not each.denominator)
    absent = [(f"{name}.toml", of) for name, of in people if of not in counted]
    bare = [fault("several_surveys", f"{name}.toml", "kind") for name in surplus]
    bare += [fault("no_denominator", file, "indicators", people=of) for file, of in absent]
    fed = Counter((each.id, contracts[name].illustrative) for name, each in feeds)  # real data may be set beside others
    twice = [(name, each.id) for name, each in feeds if fed[each.id, contracts[name].illustrative] > 1]
    bare += [fault("fed_twice", f"{name}.toml", "indicators", id=measure) for name, measure in twice]
    return bare if in_index else [fault("no_indicator", "place.toml"), *bare]


def strangers(file: str, key: str, given: Iterable[str], vocabulary: Vocabulary) -> list[Fault]:
    """Faults in the ids that a file or contract gives under a key: those that the vocabulary's table does not have."""
    name = "aspirations" if key == "aspirations" else "indicators"
    known = set(getattr(vocabulary, name).get(f"{name[:-1]}_id", ()))
    return [fault("not_in_vocabulary", file, key, id=each, table=name) for each in given if each not in known]


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
