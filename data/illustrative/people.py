"""The people of an illustrative place: where they live, who they are, and the patterns that shape their needs."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
DATA = HERE.parent
ADULT_BANDS = ["16_17", "18_24", "25_34", "35_44", "45_54", "55_64", "65_74", "75_84", "85_plus"]
EVERYONE = ("age_band", "sex", "tenure", "ethnic_group", "religion", "disability")


@dataclass(eq=False)
class World:
    """One illustrative place, whole.

    Parameters
    ----------
    slug : str
        Name of the place's folder.
    plan : dict
        The place's own table (<slug>.toml).
    random : numpy.random.Generator
        The one source of chance.
    postcodes : DataFrame
        postcode, oa_code, lsoa_code, ward_code, easting, northing, area (row of `areas`).
    areas : DataFrame
        One row an output area: latent patterns (estate, centre, ... , deprivation) and counts of people by kind.
    people : DataFrame
        One row a resident: area, postcode (row of `postcodes`), one categorical column a characteristic, frailty.
    """

    slug: str
    plan: dict[str, Any]
    random: np.random.Generator
    postcodes: pd.DataFrame
    areas: pd.DataFrame
    people: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def adult(self) -> pd.Series:
        """Whether each resident is aged 16 or over."""
        return self.people["age_band"].isin(ADULT_BANDS)

    @cached_property
    def shares(self) -> pd.DataFrame:
        """Share of each output area's postcodes in each ward: area, ward_code, share."""
        found = self.postcodes.groupby(["area", "ward_code"]).size().rename("share").reset_index()
        return found.assign(share=found["share"] / found.groupby("area")["share"].transform("sum"))

    def at_risk_by(self, column: str) -> pd.DataFrame:
        """Counts of people by kind, summed to LSOAs or wards or left by output area (`column` of the postcodes)."""
        counts = self.areas.select_dtypes("number")
        if column == "ward_code":
            counts = counts.iloc[self.shares["area"]].mul(self.shares["share"].to_numpy(), axis=0)
            return counts.groupby(self.shares["ward_code"].to_numpy()).sum()
        return counts.groupby(self.areas[column]).sum()

    def postcode_of(self, area: np.ndarray) -> np.ndarray:
        """A postcode of each given output area, at random (rows of `postcodes`, which are sorted by area)."""
        first = self.postcodes["area"].searchsorted(np.arange(len(self.areas)))
        return first[area] + (self.random.random(len(area)) * self.areas["postcodes"].to_numpy()[area]).astype(int)

    def feature(self, name: str) -> np.ndarray:
        """Value for each resident of a pattern of areas or a number of people's; for a category, 1 for its members."""
        if name in self.areas:
            return self.areas[name].to_numpy()[self.people["area"]]
        if name in self.people:
            return self.people[name].to_numpy()
        owner = next(column for column in self.people if name in getattr(self.people[column].dtype, "categories", ()))
        return (self.people[owner] == name).to_numpy(float)

    def score(self, effects: dict[str, float]) -> np.ndarray:
        """Sum over features of effect times feature, for each resident."""
        return sum((effect * self.feature(name) for name, effect in effects.items()), np.zeros(len(self.people)))


def margins(slug: str, characteristic: str) -> pd.Series:
    """Published total of each category (or its share in per cent), by category, in the order published."""
    table = pd.read_csv(HERE / "margins.csv")
    table = table[(table["place"] == slug) & (table["characteristic"] == characteristic)]
    return table.set_index("category")["value"]


def whole_numbers(shares: np.ndarray | pd.Series, total: int) -> np.ndarray:
    """Split a total into whole numbers in given proportions, by largest remainder.

    Examples
    --------
    >>> whole_numbers([1, 1, 1], 10).tolist()
    [4, 3, 3]
    """
    exact = np.asarray(shares, float) / np.sum(shares) * total
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    return counts


def assign(random: np.random.Generator, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Give each person one category so that each category has exactly its count, likelier where its score is high.

    Categories are filled from the rarest up by sampling without replacement (Gumbel top-k): the result follows no
    link function that the library fits.

    Parameters
    ----------
    random : numpy.random.Generator
        Source of chance.
    scores : ndarray
        Log weight of each person (rows) for each category (columns).
    counts : ndarray
        People in each category; their sum is the number of rows.
    """
    order = np.argsort(counts, kind="stable")
    codes, left = np.full(len(scores), order[-1]), np.arange(len(scores))
    for category in order[:-1][counts[order[:-1]] > 0]:
        keys = scores[left, category] + random.gumbel(size=len(left))
        best = np.argpartition(-keys, counts[category] - 1)
        codes[left[best[: counts[category]]]] = category
        left = left[best[counts[category] :]]
    return codes


def build_world(slug: str, plan: dict[str, Any]) -> World:
    """Make the place: its areas, then its people, one characteristic after another.

    Parameters
    ----------
    slug : str
        Name of the place's folder.
    plan : dict
        The place's own table.
    """
    random = np.random.default_rng(plan["seed"])
    postcodes = pd.read_csv(DATA / "geography" / plan["area_code"] / "postcodes.csv.gz").dropna()
    postcodes = postcodes.sort_values(["oa_code", "postcode"], ignore_index=True)
    postcodes["area"] = postcodes.groupby("oa_code").ngroup()
    world = World(slug, plan, random, postcodes, _areas(random, plan, postcodes))
    world.people = _homes(world)
    for characteristic in pd.read_csv(HERE / "margins.csv")["characteristic"].unique()[2:]:
        _give(world, characteristic)
    lasting = world.score({"disabled_a_lot": 0.9, "care_experienced": 1.0, "social_rented": 0.3, "deprivation": 0.15})
    # A long right tail: the same few people carry many of the needs.
    world.people["frailty"] = (random.gamma(0.8, 1.0, len(world.people)) - 0.8) + lasting
    _count(world)
    return world


def _areas(random: np.random.Generator, plan: dict[str, Any], postcodes: pd.DataFrame) -> pd.DataFrame:
    """Output areas with their latent patterns: sharp-edged estates, a gradient and a skewed remainder."""
    centre = postcodes.groupby("oa_code")[["easting", "northing"]].mean()
    areas = postcodes.groupby("oa_code")[["lsoa_code"]].first().assign(postcodes=postcodes.groupby("oa_code").size())
    wards = postcodes.groupby("ward_code")[["easting", "northing"]].mean()
    for name, pattern in plan["patterns"].items():
        distance = [np.hypot(*(centre - wards.loc[ward]).to_numpy().T) for ward in pattern["wards"]]
        areas[name] = np.exp(-((np.min(distance, axis=0) / pattern["radius_m"]) ** 4))
    gradient = centre.sub(centre.mean()).div(centre.std()) @ np.array(plan["gradient"])
    raw = 1.9 * areas["estate"] + 0.35 * gradient + random.gamma(1.2, 0.5, len(areas))
    areas["deprivation"] = (raw - raw.mean()) / raw.std()
    return areas.reset_index()


def _homes(world: World) -> pd.DataFrame:
    """Residents, each in one of the postcodes of an output area."""
    areas, random = world.areas, world.random
    size = areas["postcodes"].clip(upper=20) ** 0.4 * random.gamma(9, 1 / 9, len(areas))
    residents = whole_numbers(size, int(margins(world.slug, "residents").iloc[0]))
    crowding = random.gamma(60, 1 / 60, len(areas)) * (1 - 0.12 * areas["estate"])
    areas["households"] = whole_numbers(residents * crowding, int(margins(world.slug, "households").iloc[0]))
    area = np.repeat(np.arange(len(areas)), residents)
    return pd.DataFrame({"area": area, "postcode": world.postcode_of(area)})


def _give(world: World, characteristic: str) -> None:
    """Add one characteristic to the people, its published margin exactly kept; children have no adult ones."""
    published = margins(world.slug, characteristic)
    groups = pd.read_csv(HERE / "groups.csv")
    groups = groups[groups["characteristic"] == characteristic]
    who = np.arange(len(world.people)) if characteristic in EVERYONE else np.flatnonzero(world.adult)
    scores = np.column_stack(
        [
            world.score(dict(groups.loc[groups["category"] == category, ["given", "effect"]].to_numpy()))[who]
            for category in published.index
        ]
    )
    codes = np.full(len(world.people), -1)
    counts = whole_numbers(published, len(who))
    codes[who] = assign(world.random, scores + np.log(np.maximum(counts, 1)), counts)
    world.people[characteristic] = pd.Categorical.from_codes(codes, categories=published.index)


def _count(world: World) -> None:
    """Add to the areas how many people of each kind at risk they hold."""
    areas, people, random = world.areas, world.people, world.random
    by_age = people.groupby(["area", "age_band"], observed=False).size().unstack()
    kinds = {
        "adults": slice("16_17", None),
        "working_age": slice("16_17", "55_64"),
        "older_people": slice("65_74", None),
    }
    kinds |= {"children": slice(None, "16_17"), "residents": slice(None)}
    for kind, bands in kinds.items():
        areas[kind] = by_age.loc[:, bands].sum(axis=1)
    schooled = by_age["5_10"] + by_age["11_15"]
    areas["pupils"] = random.binomial(schooled, 0.92)
    areas["pupils_key_stage_4"] = random.binomial(by_age["11_15"], 0.19)
    areas["children_measured"] = random.binomial(by_age["5_10"], 0.16)
    # People stay on a practice's list after they move away, mostly where many come and go.
    areas["registered_patients_17_and_over"] = (areas["adults"] * (1.02 + 0.12 * areas["centre"])).astype(int)
    areas["business_premises"] = random.poisson(6 + 30 * areas["centre"])


__all__ = ["ADULT_BANDS", "World", "assign", "build_world", "margins", "whole_numbers"]
