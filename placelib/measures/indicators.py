"""The shared indicator table: every agency's file as one row a ward and indicator, with its uncertainty."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from placelib.errors import PlacelibError
from placelib.measures import population
from placelib.measures.rates import byar, wilson
from placelib.sources.contracts import Contract, Feed
from placelib.sources.geography import Geography
from placelib.sources.readers import Inputs, Source

LEDGER = ["source_id", "agency", "indicator_id", "records", "matched", "in_the_place", "unmatched", "reason"]
LEDGER += ["release_class", "illustrative"]
MONTHS = 12
RECORDS = ("events", "register")  # kinds with a row a record
UNPLACED = ""  # ward code of records that are of the place, but do not say where in it
WHOLE = {"characteristic": "all", "category": "all"}
REASONS = {
    "point": "no grid reference, or outside every ward",
    "postcode": "no postcode, or not a live postcode of the district",
}


def rate_interval(
    count: pd.Series, exposure: pd.Series, *, per: pd.Series | float, proportion: pd.Series, level: float = 0.95
) -> tuple[pd.Series, pd.Series]:
    """Limits of a rate: Wilson for a proportion, Byar for events in a time.

    Parameters
    ----------
    count, exposure : Series
        Events, and people (or person-years) among whom they happened.
    per : Series or float
        Multiplier of the rate: 100, 1,000 …
    proportion : Series of bool
        Whether each row is a proportion.
    level : float
        The share of such limits that hold the rate.
    """
    shares = wilson(count.where(proportion), exposure.where(proportion), level=level)[["lower", "upper"]]
    events = byar(count.where(~proportion), level=level)[["lower", "upper"]].div(exposure, axis=0)
    limits = shares.where(proportion, events).mul(per, axis=0)
    return limits["lower"], limits["upper"]


def too_few(rows: pd.DataFrame) -> pd.Series:
    """Whether a row rests on fewer than `threshold` people or events, or leaves fewer out (0 is not few).

    Parameters
    ----------
    rows : DataFrame
        numerator, denominator, measure, status, threshold; missing counts are not few.
    """
    few = rows["numerator"].fillna(0).between(0, rows["threshold"].fillna(0), inclusive="neither")
    rest = (rows["denominator"] - rows["numerator"]).where(rows["measure"].eq("proportion")).fillna(0)
    return few | rest.between(0, rows["threshold"].fillna(0), inclusive="neither") | rows["status"].eq("suppressed")


def administrative_table(
    inputs: Inputs, geography: Geography, denominators: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ward and place rows of the shared indicator table from every source but the survey.

    Parameters
    ----------
    inputs : Inputs
        The place.
    geography : Geography
        Its wards, with postcodes weighted by residents.
    denominators : DataFrame
        Population at risk by ward, see `population.ward_denominators`.

    Returns
    -------
    table : DataFrame
        The shared indicator table, unrounded.
    ledger : DataFrame
        source_id, indicator_id, records, matched (in a ward), in_the_place (matched, and those of the place that do not
        say where in it), unmatched, reason: matched and unmatched add up to the file.
    """
    tables, ledger = [], []
    meanings = inputs.vocabulary.indicators.set_index("indicator_id")
    for source in inputs.of_kind("events", "register", "counts", "series", "rates"):
        for feed in source.contract.indicators:
            meaning = meanings.loc[feed.id]
            amounts = _amounts(source, feed, meaning, (inputs, geography, denominators))
            tables.append(_described(amounts, source, feed, meaning))
            if not _published(source.contract, feed):  # rates do not add up to anything
                ledger.append(_ledger(source, feed, amounts))
    return stacked(tables), pd.DataFrame(ledger, columns=LEDGER)


def stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables under each other; none at all is an empty table."""
    full = [table for table in tables if len(table)]
    return pd.concat(full, ignore_index=True) if full else pd.DataFrame()


def provenance(contract: Contract) -> dict[str, object]:
    """What every row from one file says of it."""
    return {
        "release_class": contract.release,
        "illustrative": contract.illustrative,
        "agency": contract.agency,
        "period_start": contract.period_start.isoformat(),
        "period_end": contract.period_end.isoformat(),
    }


def particulars(contract: Contract, feed: Feed, row: pd.Series) -> dict[str, object]:
    """What every row from one feed says of its source."""
    meaning = {"unit": row["unit"], "per": float(row["per"]), "measure": row["measure"]}
    return provenance(contract) | meaning | {"threshold": float(contract.threshold), "agency_term": feed.term}


def _published(contract: Contract, feed: Feed) -> bool:
    """Whether the feed is of rates that came without counts, and cannot be turned back into them."""
    return contract.kind == "rates" and not feed.rebuild_with


def _amounts(source: Source, feed: Feed, row: pd.Series, place: tuple[Inputs, Geography, pd.DataFrame]) -> pd.DataFrame:
    """What one feed adds up to in each ward, and in the place: its wards, and records that do not say where they are.

    Returns
    -------
    DataFrame
        Index area_code, "place" last: numerator, denominator, low, high (bounds where a part is suppressed),
        apportioned and suppressed (above 0 where any part was), previous (numerator of the twelve months before, where
        all of it is known) and base (its denominator). The same in each row: records (amount in the file),
        unplaced (of these, in the place but in no ward), years (length of the period that is counted).
    """
    inputs, geography, denominators = place
    counted = counted_rows(source, feed)
    if feed.rebuild_with:
        counted["denominator"] = _area_population(inputs, source, feed)
        counted["numerator"] = counted["numerator"] * counted["denominator"] / row["per"]
    counted["low"] = counted["numerator"].mask(counted["suppressed"], 1.0)
    counted["high"] = counted["numerator"].mask(counted["suppressed"], source.contract.threshold - 1.0)
    current, previous, years = _windows(counted, source.contract)
    located = located_rows(source, counted.index, geography)
    wards = pd.Index([*geography.wards["ward_code"], UNPLACED])
    nought = 0.0 if source.contract.kind in RECORDS else np.nan  # where no record is
    sums = (_ward_sums(part, located, _months(part, feed)) for part in (current, previous))
    now, before = (each.reindex(wards, fill_value=nought) for each in sums)
    now["previous"] = before["numerator"].mask(before["suppressed"] > 0) if len(previous) else np.nan
    now["base"] = before["denominator"]
    if not feed.denominator and source.contract.kind != "rates":
        now["denominator"] = now["base"] = denominators[row["denominator"]]
    known = now[now["low"].notna()]  # a ward whose every part is suppressed has bounds, and no numerator
    both = pd.concat([now.drop(UNPLACED), known.sum(min_count=1).to_frame("place").T])
    both.loc["place", "previous"] = known["previous"].sum(skipna=False)  # of all the wards, or there is none
    records = current["numerator"].sum() / _months(current, feed)
    unplaced = now["numerator"].fillna(0.0)[UNPLACED]
    return both.rename_axis("area_code").assign(records=records, unplaced=unplaced, years=years)


def _keeps_unplaced(contract: Contract) -> bool:
    """Whether a record without a location is of the place all the same: it is one of the agency's own.

    An agency shares its own records because they are of the place. An open file (police.uk's, of a whole force) is cut
    by its publisher, so there an empty location may be anywhere; in a file of counts it may be a total.
    """
    return contract.kind in RECORDS and contract.release != "open"


def located_rows(source: Source, rows: pd.Index, geography: Geography) -> pd.DataFrame:
    """Shares of wards of each row, `UNPLACED` where its location is empty; one in no ward here is not of the place."""
    rule = source.contract.geography
    located = geography.locate(source.frame.loc[rows], rule)
    if not _keeps_unplaced(source.contract):
        return located
    empty = rows[source.frame.loc[rows, list(rule.columns)].isna().any(axis=1)]
    return pd.concat([located, pd.DataFrame({"row": empty, "ward_code": UNPLACED, "share": 1.0})], ignore_index=True)


def counted_rows(source: Source, feed: Feed) -> pd.DataFrame:
    """Rows that the feed counts: numerator, denominator (the file's own), suppressed, month, person."""
    frame = population.keep(source.frame, feed.where)
    month = next((name for name, column in source.contract.columns.items() if column.type == "month"), "")
    named = {"numerator": feed.numerator, "denominator": feed.denominator, "month": month, "person": feed.person}
    unnamed = {"numerator": 1.0, "denominator": np.nan, "month": pd.NaT, "person": np.nan, "suppressed": False}
    counted = pd.DataFrame(unnamed, frame.index)
    counted = counted.assign(**{name: frame[column] for name, column in named.items() if column})
    if feed.numerator:
        counted["numerator"] *= feed.scale
        counted["suppressed"] = source.status.loc[frame.index, feed.numerator].eq("suppressed")
    return counted


def _area_population(inputs: Inputs, source: Source, feed: Feed) -> pd.Series:
    """Population of each row's own area, to turn a published rate of a small area back into a count."""
    area = source.contract.geography
    for denominator, contract, people in population.denominators(inputs):
        place = contract.geography
        if denominator.id == feed.rebuild_with and (place.type, place.vintage) == (area.type, area.vintage):
            return source.frame[area.columns[0]].map(people.groupby(place.columns[0])[denominator.column].sum())
    raise PlacelibError(
        f"{source.name}: '{feed.id}' is to be rebuilt with {feed.rebuild_with} by {area.type} {area.vintage}, "
        "which no population source counts."
    )


def _windows(counted: pd.DataFrame, contract: Contract) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """The latest twelve months and the twelve before, or the whole period where there are no months."""
    if counted["month"].isna().all():
        return _once(counted), counted.iloc[:0], contract.years()
    month, last = counted["month"].dt.to_period("M"), pd.Period(contract.period_end, "M")
    current = counted[month.between(last - MONTHS + 1, last)]
    previous = counted[month.between(last - 2 * MONTHS + 1, last - MONTHS)]
    whole_year = previous["month"].nunique() == MONTHS  # part of a year is nothing to compare a year with
    return _once(current), _once(previous if whole_year else previous.iloc[:0]), min(contract.years(), 1.0)


def _once(counted: pd.DataFrame) -> pd.DataFrame:
    """Keep the last row of each person; a row without a person stands for itself."""
    return counted[counted["person"].isna() | ~counted["person"].duplicated(keep="last")]


def _months(counted: pd.DataFrame, feed: Feed) -> int:
    """Months that a total has to be shared over: one, unless the feed is an average over time."""
    return max(counted["month"].nunique(), 1) if feed.over_time == "mean" else 1


def _ward_sums(counted: pd.DataFrame, located: pd.DataFrame, months: int) -> pd.DataFrame:
    """Sum the shares of rows that lie in each ward; nothing where any of them is unknown."""
    amounts = ["numerator", "denominator", "low", "high"]
    parts = located.merge(counted, left_on="row", right_index=True)
    parts[amounts] = parts[amounts].mul(parts["share"], axis=0)
    grouped = parts.assign(apportioned=parts["share"] < 1, unknown=parts["low"].isna()).groupby("ward_code")
    flags = grouped[["apportioned", "suppressed"]].max().astype(float)
    return (grouped[amounts].sum(min_count=1) / months).join(flags).mask(grouped["unknown"].any())


def _with_rate(table: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Value, error and limits from counts; a ward with a suppressed part is a bound and has no value."""
    flow, per = row["measure"] == "flow", float(row["per"])
    length = table["years"] if flow else 1.0
    exposure = table["denominator"] * length
    marked = table["suppressed"] > 0
    value, low, high = (per * table[name] / exposure for name in ("numerator", "low", "high"))
    lower, upper = rate_interval(table["numerator"], exposure, per=per, proportion=pd.Series(not flow, table.index))
    count = table["numerator"].clip(lower=1)
    error = per * np.sqrt(count if flow else count * (1 - count / exposure).clip(lower=1 / exposure)) / exposure
    return table.assign(
        value=value.mask(marked),
        lower=lower.mask(marked, low),
        upper=upper.mask(marked, high),
        standard_error=np.hypot(error, ((high - low) / np.sqrt(12)).where(marked, 0)),
        numerator=table["numerator"].mask(marked),
        years=length,
        status=np.select([marked, value.isna()], ["suppressed", "no data"], "published"),
        previous=per * table["previous"] / (table["base"] * length),
    )


def _published_rates(table: pd.DataFrame) -> pd.DataFrame:
    """Rates that came without their counts: no numerator, no interval, and none for the place."""
    value = table["numerator"].drop("place").reindex(table.index)
    bare = table.drop(columns=["numerator", "denominator", "previous"])
    status = np.where(value.isna(), "no data", "published")
    return bare.assign(value=value, standard_error=0.0, years=1.0, status=status)


def _described(amounts: pd.DataFrame, source: Source, feed: Feed, row: pd.Series) -> pd.DataFrame:
    contract, years = source.contract, amounts["years"].iloc[0]
    table = _published_rates(amounts) if _published(contract, feed) else _with_rate(amounts, row)
    if not feed.chance:
        table = table.assign(lower=np.nan, upper=np.nan, standard_error=0.0)
    is_place = table.index == "place"
    basis = np.where((table["apportioned"] > 0) & ~is_place, "apportioned", "direct")
    in_place = amounts["numerator"].drop("place").sum() + is_place * amounts["unplaced"]
    told = table.assign(
        **WHOLE,
        **particulars(contract, feed, row),
        indicator_id=feed.id,
        area_type=np.where(is_place, "place", "ward"),
        basis="modelled" if feed.modelled else basis,
        method=_method(contract, feed, row),
        coverage=in_place / amounts["records"].replace(0, np.nan),
        source_id=source.name,
    )
    if years < 1 and row["measure"] == "flow":
        told["method"] += f"; {round(contract.years() * 12)} months put on a yearly footing"
    if _keeps_unplaced(contract):  # said whether or not there are any, as a few would be told by it
        told["method"] += np.where(is_place, "; records that give no location count for the place", "")
    if years < contract.years():
        start = pd.Timestamp(contract.period_end) - pd.DateOffset(months=MONTHS) + pd.DateOffset(days=1)
        told["period_start"] = start.date().isoformat()
    return told.drop(columns=["low", "high", "apportioned", "suppressed", "records", "unplaced", "base"]).reset_index()


def _method(contract: Contract, feed: Feed, row: pd.Series) -> str:
    if contract.kind == "rates":
        return "rebuilt from published rates" if feed.rebuild_with else "published rate, counts not given"
    counted = "people" if feed.person else "records"
    interval = "Byar" if row["measure"] == "flow" else "Wilson"
    return f"count of {counted}, " + (f"{interval} 95% interval" if feed.chance else "a full count: no interval")


def _ledger(source: Source, feed: Feed, amounts: pd.DataFrame) -> dict[str, object]:
    area = source.contract.geography.type
    matched = amounts["numerator"].drop("place").sum()
    records, unplaced = amounts.loc["place", ["records", "unplaced"]]
    unmatched = max(0.0, round(records - matched, 6))  # nought first: of -0.0 and 0.0 the first is the larger
    reason = REASONS.get(area, f"{area.replace('lsoa', 'LSOA')} not in the district") if unmatched else ""
    row = {"source_id": source.name, "indicator_id": feed.id, "records": records, "matched": round(matched, 6)}
    row |= {"in_the_place": round(matched + unplaced, 6), "unmatched": unmatched, "reason": reason}
    return provenance(source.contract) | row
