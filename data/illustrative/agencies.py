"""What the partner agencies of an illustrative place hold: events, registers, counts and rates, as awkward as life."""

from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from illustrative.people import DATA, HERE, World

PATTERNS = ["deprivation", "estate", "centre", "students"]
FAULTS = ("outside", "blank", "typo", "no_fixed_address")  # of a row; each has its chance in the place's table
SMALL = 5  # agencies that mark small counts mark those from 1 to one less than this


@cache
def agency_indicators() -> pd.DataFrame:
    """Level, pattern and comparators of each indicator, by indicator_id, with the vocabulary's unit."""
    units = pd.read_csv(DATA / "vocabulary/indicators.csv").set_index("indicator_id")
    return pd.read_csv(HERE / "indicators.csv").set_index("indicator_id").join(units[["per", "measure"]])


def intensity(world: World, indicator: pd.Series) -> np.ndarray:
    """Expected records of each output area in a year (or on one day, for a stock), in skewed and clustered shape."""
    areas = world.areas
    pattern = np.exp((areas[PATTERNS] * indicator[PATTERNS].astype(float)).sum(axis=1))
    weight = areas[indicator["at_risk"]] * pattern * world.random.gamma(1 / indicator["skew"], 1, len(areas))
    total = indicator[world.slug] / indicator["per"] * areas[indicator["at_risk"]].sum()
    return (total * weight / weight.sum()).to_numpy()


def records(world: World, source: dict[str, Any], indicator: pd.Series) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw what happened: one row a record.

    Returns
    -------
    records : DataFrame
        area, postcode (rows of the world's tables), date.
    expected : ndarray
        Expected records of each output area in a year: the truth behind the file.
    """
    random, expected = world.random, intensity(world, indicator)
    months = pd.period_range(*source["period"], freq="M")
    # The last twelve months have the level that indicators.csv gives; those before follow the trend.
    drift = np.exp(float(indicator["trend"]) * (np.arange(len(months)) - len(months) + 6.5) / 12)
    if indicator["measure"] == "flow":
        counts = random.poisson(np.outer(expected, drift / 12))
    else:
        people = world.areas[indicator["at_risk"]].to_numpy()[:, None]
        drift = drift if source["make"].get("stock") else np.ones(1)
        counts = random.binomial(people, np.minimum(expected[:, None] / np.maximum(people, 1) * drift, 1))
    area, month = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    month = month if len(drift) > 1 else random.integers(0, len(months), len(area))
    first = months.to_timestamp()[month]
    days = (random.random(len(area)) * first.days_in_month).astype(int)
    frame = pd.DataFrame(
        {"area": area, "postcode": world.postcode_of(area), "date": first + pd.to_timedelta(days, "D")}
    )
    return frame, expected


def rows_layout(world: World, made: pd.DataFrame, source: dict[str, Any]) -> pd.DataFrame:
    """One row a record, with everything that a file may say of it; some spoilt in the ways that `make` names."""
    random, make, last = world.random, source["make"], pd.Timestamp(source["period"][1])
    made = made.assign(person=[f"{number:06d}" for number in random.permutation(900_000)[: len(made)] + 100_000])
    again = made[random.random(len(made)) < make.get("repeats", 0)]
    again = again.assign(date=again["date"] + pd.to_timedelta(random.integers(20, 120, len(again)), "D"))
    made = pd.concat([made, again[again["date"] <= last]]).sort_values("date", kind="stable", ignore_index=True)
    ended = made["date"] + pd.to_timedelta(random.integers(14, 400, len(made)), "D")
    where = world.postcodes.iloc[made["postcode"]].reset_index(drop=True)
    chance = {fault: random.random(len(made)) < make.get(fault, 0) for fault in FAULTS}
    shift = random.normal(0, 8, (len(made), 2)).round() + 9000 * chance["outside"][:, None]
    metres = where[["easting", "northing"]] + shift
    points = gpd.GeoSeries.from_xy(metres["easting"], metres["northing"], crs=27700).to_crs(4326)
    places = metres.astype("Int64").assign(longitude=points.x.round(5), latitude=points.y.round(5))
    places.loc[chance["blank"]] = pd.NA
    typed = where["postcode"].mask(chance["typo"], where["postcode"].str[:-1])
    return pd.concat([made, places, where[["oa_code", "lsoa_code"]]], axis=1).assign(
        month=made["date"],
        end=ended.where(ended <= last),
        postcode=typed.mask(chance["no_fixed_address"], "No fixed address"),
        in_the_place=~(chance["typo"] | chance["outside"]) | chance["blank"] | chance["no_fixed_address"],
    )


def areas_layout(world: World, made: pd.DataFrame, source: dict[str, Any], indicator: pd.Series) -> pd.DataFrame:
    """Counts by area (and month, where the file has one), none left out; rates and their limits beside them."""
    wanted = [column["from"] for column in source["columns"].values()]
    area = next(name for name in ("oa_code", "lsoa_code", "ward_code") if name in wanted)
    keys = {area: np.sort(world.postcodes[area].unique())}
    if "month" in wanted:
        keys["month"] = pd.period_range(*source["period"], freq="M").to_timestamp()
    codes = world.postcodes[area].to_numpy()[made["postcode"]]
    made = made.assign(month=made["date"].dt.to_period("M").dt.to_timestamp(), **{area: codes})
    counts = made.groupby(list(keys)).size().rename("count").reset_index()
    table = pd.MultiIndex.from_product(keys.values(), names=keys).to_frame(index=False).merge(counts, how="left")
    table["count"] = table["count"].fillna(0).astype(int)
    at_risk = world.at_risk_by(area)[indicator["at_risk"]].round()
    table["at_risk"] = np.maximum(table[area].map(at_risk).astype(int), table["count"])
    lower, upper = proportion_confint(table["count"], table["at_risk"].clip(lower=1), method="wilson")
    shown = {"rate": table["count"] / table["at_risk"], "lower": lower, "upper": upper}
    table = table.assign(**{name: (100 * value).round(1) for name, value in shown.items()})
    if area == "ward_code":
        names = pd.read_csv(DATA / "geography/ward_names.csv").set_index("ward_code")["ward_name"]
        table["ward_name"] = table[area].map(names)
    if mark := source["make"].get("suppress"):
        table["count"] = table["count"].astype(object).mask(table["count"].between(1, SMALL - 1), mark)
    return table


def agency_file(world: World, source: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """One agency's file, and the truth behind it.

    Returns
    -------
    frame : DataFrame
        All that the file's columns may take.
    truth : DataFrame
        indicator_id, area_code, characteristic, category, people, value: the underlying rate of each ward and of the
        place, in the vocabulary's unit.
    rate : float
        The place's rate as recorded in the last twelve months, records without a location among them.
    """
    name = source["indicators"][0]["id"]
    indicator = agency_indicators().loc[name]
    made, expected = records(world, source, indicator)
    rows = source["make"]["layout"] == "rows"
    table = rows_layout(world, made, source) if rows else areas_layout(world, made, source, indicator)
    truth = agency_truth(world, expected, indicator).assign(indicator_id=name)
    made = table[table["in_the_place"]].drop_duplicates("person") if rows else made
    latest = made["date"] > pd.Timestamp(source["period"][1]) - pd.DateOffset(years=1)
    months = 12 if source["make"].get("stock") else 1
    rate = indicator["per"] * latest.sum() / months / world.areas[indicator["at_risk"]].sum()
    return table, truth, rate


def agency_truth(world: World, expected: np.ndarray, indicator: pd.Series) -> pd.DataFrame:
    """Underlying rate of each ward and of the place."""
    people = world.areas[indicator["at_risk"]].to_numpy(float)
    wards = world.shares["ward_code"]
    sums = pd.DataFrame({"events": expected[world.shares["area"]], "people": people[world.shares["area"]]})
    sums = sums.mul(world.shares["share"], axis=0).groupby(wards).sum()
    sums.loc[world.plan["area_code"]] = [expected.sum(), people.sum()]
    value = (indicator["per"] * sums["events"] / sums["people"]).round(4)
    truth = pd.DataFrame({"people": sums["people"].round().astype(int), "value": value}).rename_axis("area_code")
    return truth.reset_index().assign(characteristic="all", category="all")


def comparators(world: World, source: dict[str, Any]) -> pd.DataFrame:  # noqa: ARG001 - one signature for all files
    """England, the region and three named neighbours: illustrative figures for every indicator.

    Returns
    -------
    DataFrame
        indicator_id, area_name, area_type, value, lower, upper.
    """
    known = agency_indicators()
    england, most = known["england"], (0.9 * known["per"]).where(known["measure"] == "proportion", np.inf)
    places = [("England", "england", 0.0, 0.004), (world.plan["region"], "region", 0.04, 0.01)]
    places += [(name, "neighbour", 0.12, 0.035) for name in world.plan["neighbours"]]
    tables = []
    for name, kind, spread, error in places:
        value = (england * np.exp(world.random.normal(0, spread, len(england)))).clip(upper=most)
        limits = {"value": value, "lower": value * (1 - 1.96 * error), "upper": value * (1 + 1.96 * error)}
        tables.append(pd.DataFrame(limits).round(2).reset_index().assign(area_name=name, area_type=kind))
    columns = ["indicator_id", "area_name", "area_type", "value", "lower", "upper"]
    return pd.concat(tables, ignore_index=True)[columns]
