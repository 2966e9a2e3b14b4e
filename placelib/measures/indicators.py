"""The shared indicator table: every agency's file as one row a ward and indicator, with its uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from placelib.errors import PlacelibError
from placelib.measures import population
from placelib.measures.rates import byar, wilson
from placelib.sources.contracts import Contract, Feed
from placelib.sources.geography import Geography
from placelib.sources.readers import Inputs, Source

LEDGER = ["source_id", "agency", "indicator_id", "records", "matched", "unmatched", "unplaced", "reason"]
LEDGER += ["release_class", "illustrative"]
MONTHS = 12
UNPLACED = ""  # ward code of records that are of the place, but do not say where in it
REASONS = {
    "point": "no grid reference, or outside every ward",
    "postcode": "no postcode, or not a live postcode of the district",
}


@dataclass(frozen=True, eq=False)
class Amounts:
    """What one feed adds up to in each ward, and what matched no ward.

    Parameters
    ----------
    wards : DataFrame
        Index ward_code, with `UNPLACED` for records of the place that do not say where: numerator, denominator, low,
        high (bounds where a part is suppressed), apportioned, and `previous`, the numerator of the twelve months
        before.
    latest_year : bool
        Whether only the latest twelve of more months are counted.
    total, matched, unplaced : float
        Amount in the file, the part of it that fell in a ward, and the part that counts for the place alone.
    years : float
        Length of the period.
    """

    wards: pd.DataFrame
    total: float
    matched: float
    unplaced: float
    years: float
    latest_year: bool


def rate_interval(
    count: pd.Series, exposure: pd.Series, *, per: pd.Series, proportion: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """95% limits of a rate: Wilson for a proportion, Byar for events in a time.

    Parameters
    ----------
    count, exposure : Series
        Events, and people (or person-years) among whom they happened.
    per : Series
        Multiplier of the rate: 100, 1,000 …
    proportion : Series of bool
        Whether each row is a proportion.
    """
    shares = wilson(count.where(proportion), exposure.where(proportion))[["lower", "upper"]]
    events = byar(count.where(~proportion))[["lower", "upper"]].div(exposure, axis=0)
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
        source_id, indicator_id, records, matched, unmatched, unplaced, reason: ward totals and unmatched add up to the
        file, ward totals and unplaced (a part of unmatched) to the place.
    """
    tables, ledger = [], []
    for source in inputs.of_kind("events", "register", "counts", "series", "rates"):
        for feed in source.contract.indicators:
            row = inputs.vocabulary.indicators.set_index("indicator_id").loc[feed.id]
            amounts = _amounts(source, feed, row, (inputs, geography))
            tables.append(_rows(source, feed, row, amounts, _base(source, feed, row, denominators)))
            if source.contract.kind != "rates" or feed.rebuild_with:  # rates do not add up to anything
                ledger.append(_ledger(source, feed, amounts))
    return stacked(tables), pd.DataFrame(ledger, columns=LEDGER)


def stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables under each other; none at all is an empty table."""
    full = [table for table in tables if len(table)]
    return pd.concat(full, ignore_index=True) if full else pd.DataFrame()


def _base(source: Source, feed: Feed, row: pd.Series, denominators: pd.DataFrame) -> pd.Series | None:
    """The place's own population at risk; None where the file brings its denominator or has none."""
    if feed.denominator or source.contract.kind == "rates":
        return None
    if row["denominator"] not in denominators:
        raise PlacelibError(
            f"{source.name}: '{feed.id}' is a rate of {row['denominator']}, which no population source declares. "
            "Add a [[denominators]] entry to a population contract, or name a denominator column in the feed."
        )
    return denominators[row["denominator"]]


def _amounts(source: Source, feed: Feed, row: pd.Series, place: tuple[Inputs, Geography]) -> Amounts:
    inputs, geography = place
    counted = _counted(source, feed)
    if feed.rebuild_with:
        counted["d"] = _area_population(inputs, source, feed)
        counted["n"] = counted["n"] * counted["d"] / row["per"]
    current, previous, years = _windows(counted, source.contract)
    located = _located(source, counted.index, geography)
    wards = pd.Index([*geography.wards["ward_code"], UNPLACED], name="ward_code")
    sums = _ward_sums(current, located, source.contract, feed).reindex(wards)
    if source.contract.kind in ("events", "register"):
        sums[["numerator", "low", "high"]] = sums[["numerator", "low", "high"]].fillna(0.0)
        sums["apportioned"] = sums["apportioned"].fillna(0.0)
    if len(previous):
        sums["previous"] = _ward_sums(previous, located, source.contract, feed)["numerator"].reindex(wards)
    total = current["n"].sum() / _months(current, feed)
    unplaced = sums["numerator"].fillna(0.0)[UNPLACED]
    return Amounts(sums, total, sums["numerator"].sum() - unplaced, unplaced, years, years < source.contract.years())


def _located(source: Source, rows: pd.Index, geography: Geography) -> pd.DataFrame:
    """Shares of wards of each row; a row whose location is empty is of the place, unless the file is open.

    An agency shares its own records because they are of the place. An open file (police.uk's, of a whole force) is cut
    by its publisher, so there an empty location may be anywhere. A location that is given and lies in no ward is not
    of the place in either.
    """
    rule = source.contract.geography
    located = geography.locate(source.frame.loc[rows], rule)
    if source.contract.release == "open":
        return located
    empty = rows[source.frame.loc[rows, list(rule.columns)].isna().any(axis=1)]
    return pd.concat([located, pd.DataFrame({"row": empty, "ward_code": UNPLACED, "share": 1.0})], ignore_index=True)


def _counted(source: Source, feed: Feed) -> pd.DataFrame:
    """Rows that the feed counts: n, d (the file's own denominator), suppressed, month, person."""
    frame = population.keep(source.frame, feed.where)
    months = [name for name, column in source.contract.columns.items() if column.type == "month"]
    status = source.status.loc[frame.index]
    return pd.DataFrame(
        {
            "n": feed.scale * frame[feed.numerator] if feed.numerator else 1.0,
            "d": frame[feed.denominator] if feed.denominator else np.nan,
            "suppressed": status[feed.numerator].eq("suppressed") if feed.numerator else False,
            "month": frame[months[0]] if months else pd.NaT,
            "person": frame[feed.person] if feed.person else np.nan,
        },
        index=frame.index,
    )


def _area_population(inputs: Inputs, source: Source, feed: Feed) -> pd.Series:
    """Population of each row's own area, to turn a published rate of a small area back into a count."""
    area = source.contract.geography
    for other in inputs.of_kind("population"):
        place = other.contract.geography
        for denominator in other.contract.denominators:
            if denominator.id == feed.rebuild_with and (place.type, place.vintage) == (area.type, area.vintage):
                people = population.keep(other.frame, denominator.where)
                people = people.groupby(place.columns[0])[denominator.column].sum()
                return source.frame[area.columns[0]].map(people)
    raise PlacelibError(
        f"{source.name}: '{feed.id}' is to be rebuilt with {feed.rebuild_with} by {area.type} {area.vintage}, "
        "which no population source counts."
    )


def _windows(counted: pd.DataFrame, contract: Contract) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """The latest twelve months and the twelve before, or the whole period where there are no months."""
    if counted["month"].isna().all():
        return _once(counted), counted.iloc[:0], contract.years()
    age = (contract.period_end.year - counted["month"].dt.year) * 12
    age += contract.period_end.month - counted["month"].dt.month
    current = counted[age.between(0, MONTHS - 1)]
    previous = counted[age.between(MONTHS, 2 * MONTHS - 1)]
    whole_year = previous["month"].nunique() == MONTHS  # part of a year is nothing to compare a year with
    return _once(current), _once(previous if whole_year else previous.iloc[:0]), min(contract.years(), 1.0)


def _once(counted: pd.DataFrame) -> pd.DataFrame:
    """Keep the last row of each person; a row without a person stands for itself."""
    return counted[counted["person"].isna() | ~counted["person"].duplicated(keep="last")]


def _months(counted: pd.DataFrame, feed: Feed) -> int:
    """Months that a total has to be shared over: one, unless the feed is an average over time."""
    return max(counted["month"].nunique(), 1) if feed.over_time == "mean" else 1


def _ward_sums(counted: pd.DataFrame, located: pd.DataFrame, contract: Contract, feed: Feed) -> pd.DataFrame:
    parts = located.merge(counted, left_on="row", right_index=True)
    marked = parts["suppressed"].to_numpy()
    n = parts["n"] * parts["share"]
    parts = parts.assign(
        numerator=n,
        denominator=parts["d"] * parts["share"],
        low=np.where(marked, parts["share"], n),
        high=np.where(marked, (contract.threshold - 1) * parts["share"], n),
        apportioned=parts["share"] < 1,
        unknown=parts["n"].isna() & ~marked,
    )
    grouped = parts.groupby("ward_code")
    sums = grouped[["numerator", "denominator", "low", "high"]].sum(min_count=1) / _months(counted, feed)
    sums[["apportioned", "marked"]] = grouped[["apportioned", "suppressed"]].max().astype(float)
    return sums.mask(grouped["unknown"].any())


def _rows(source: Source, feed: Feed, row: pd.Series, amounts: Amounts, base: pd.Series | None) -> pd.DataFrame:
    """Ward rows and the place's row, which is their sum and the records that do not say where they are."""
    wards = amounts.wards
    if base is not None:
        wards = wards.assign(denominator=base)
    known = wards[wards["low"].notna()]  # a ward whose every part is suppressed has bounds, and no numerator
    totals = known[["numerator", "denominator", "low", "high"]].sum()
    totals["previous"] = known["previous"].sum() if "previous" in known else np.nan
    totals["apportioned"], totals["marked"] = 0.0, known["marked"].max()
    place = pd.DataFrame(totals).T.set_axis(["place"])
    table = pd.concat([wards.drop(UNPLACED), place]).rename_axis("area_code").reset_index()
    table["area_type"] = np.where(table["area_code"] == "place", "place", "ward")
    if source.contract.kind == "rates" and not feed.rebuild_with:
        return _described(_published_rates(table, row), source, feed, row, amounts)
    return _described(_with_rate(table, row, amounts.years), source, feed, row, amounts)


def _with_rate(table: pd.DataFrame, row: pd.Series, years: float) -> pd.DataFrame:
    """Value, error and limits from counts; a ward with a suppressed part is a bound and has no value."""
    flow = row["measure"] == "flow"
    length = years if flow else 1.0
    exposure = table["denominator"] * length
    marked = table["marked"].fillna(0) > 0
    value = row["per"] * table["numerator"] / exposure
    per = pd.Series(float(row["per"]), table.index)
    lower, upper = rate_interval(table["numerator"], exposure, per=per, proportion=pd.Series(not flow, table.index))
    bound_lower, bound_upper = row["per"] * table["low"] / exposure, row["per"] * table["high"] / exposure
    count = table["numerator"].clip(lower=1)
    error = row["per"] * np.sqrt(count if flow else count * (1 - count / exposure).clip(lower=0)) / exposure
    spread = (bound_upper - bound_lower) / np.sqrt(12)
    return table.assign(
        value=value.mask(marked),
        lower=lower.mask(marked, bound_lower),
        upper=upper.mask(marked, bound_upper),
        standard_error=np.hypot(error, spread.where(marked, 0)),
        numerator=table["numerator"].mask(marked),
        years=length,
        status=np.select([marked, value.isna()], ["suppressed", "no data"], "published"),
        previous=row["per"] * table.get("previous", np.nan) / exposure,
    )


def _published_rates(table: pd.DataFrame, row: pd.Series) -> pd.DataFrame:  # noqa: ARG001 - one signature for both
    """Rates that came without their counts: no numerator, no interval, and none for the place."""
    value = table["numerator"].where(table["area_type"] == "ward")
    nothing = {name: np.nan for name in ("numerator", "denominator", "lower", "upper", "previous")}
    status = np.where(value.isna(), "no data", "published")
    return table.assign(value=value, standard_error=0.0, years=1.0, status=status, **nothing)


def _described(table: pd.DataFrame, source: Source, feed: Feed, row: pd.Series, amounts: Amounts) -> pd.DataFrame:
    contract = source.contract
    if not feed.chance:
        table = table.assign(lower=np.nan, upper=np.nan, standard_error=0.0)
    basis = np.where(table["apportioned"].fillna(0) > 0, "apportioned", "direct")
    months = round(contract.years() * 12)
    partial = f"; {months} months put on a yearly footing" if amounts.years < 1 and row["measure"] == "flow" else ""
    counted_in_place = table["area_type"] == "place"
    described = table.assign(
        indicator_id=feed.id,
        characteristic="all",
        category="all",
        basis="modelled" if feed.modelled else basis,
        method=_method(contract, feed, row) + partial,
        coverage=(amounts.matched + counted_in_place * amounts.unplaced) / (amounts.total or np.nan),
        respondents=np.nan,
        effective_respondents=np.nan,
        **particulars(contract, feed, row),
        source_id=source.name,
    )
    if amounts.unplaced:
        described["method"] += np.where(counted_in_place, "; with records that give no location", "")
    if amounts.latest_year:
        start = pd.Timestamp(contract.period_end) - pd.DateOffset(months=MONTHS) + pd.DateOffset(days=1)
        described["period_start"] = start.date().isoformat()
    return described.drop(columns=["low", "high", "apportioned", "marked"])


def particulars(contract: Contract, feed: Feed, row: pd.Series) -> dict[str, object]:
    """What every row from one feed says of its source."""
    return {
        "unit": row["unit"],
        "per": float(row["per"]),
        "measure": row["measure"],
        "release_class": contract.release,
        "threshold": float(contract.threshold),
        "illustrative": contract.illustrative,
        "agency": contract.agency,
        "agency_term": feed.term,
        "period_start": contract.period_start.isoformat(),
        "period_end": contract.period_end.isoformat(),
    }


def _method(contract: Contract, feed: Feed, row: pd.Series) -> str:
    if contract.kind == "rates":
        return "rebuilt from published rates" if feed.rebuild_with else "published rate, counts not given"
    counted = "people" if feed.person else "records"
    interval = "Byar" if row["measure"] == "flow" else "Wilson"
    return f"count of {counted}, " + (f"{interval} 95% interval" if feed.chance else "a full count: no interval")


def _ledger(source: Source, feed: Feed, amounts: Amounts) -> dict[str, object]:
    area = source.contract.geography.type
    unmatched = max(round(amounts.total - amounts.matched, 6), 0.0)
    return {
        "source_id": source.name,
        "agency": source.contract.agency,
        "indicator_id": feed.id,
        "records": amounts.total,
        "matched": round(amounts.matched, 6),
        "unmatched": unmatched,
        "unplaced": amounts.unplaced,
        "reason": REASONS.get(area, f"{area.replace('lsoa', 'LSOA')} not in the district") if unmatched else "",
        "release_class": source.contract.release,
        "illustrative": source.contract.illustrative,
    }
