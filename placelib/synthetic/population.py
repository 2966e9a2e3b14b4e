"""Population files of an illustrative place: census-like counts, projections, people at work here."""

from typing import Any

import numpy as np
import pandas as pd

from placelib.synthetic.people import World

CENSUS = {"agency": "council", "kind": "population", "release": "open", "period": ["2021-03-21", "2021-03-21"]}
COMPARATORS: dict[str, Any] = {
    "title": "Published figures of England, the region and three neighbours",
    "agency": "council",
    "kind": "comparators",
    "release": "open",
    "file": "comparators.csv",
    "period": ["2025-04-01", "2026-03-31"],
    "columns": {
        **{name: {"type": "text"} for name in ("indicator_id", "area_name", "area_type")},
        **{name: {"type": "number", "minimum": 0} for name in ("value", "lower", "upper")},
    },
}
BANDS = {
    "adults": slice("16_17", None), "working_age": slice("16_17", "55_64"), "older_people": slice("65_74", None),
    "children": slice(None, "16_17"),
}  # fmt: skip


def population_files(world: World) -> dict[str, tuple[pd.DataFrame, dict[str, Any]]]:
    """Each population file and its contract's keys, by name of the contract."""
    words = world.plan["population"]
    age, sex, residents = words["age_band"], words["sex"], words["residents"]
    denominators = [{"id": "residents", "column": residents}]
    ordered = pd.Series(world.people["age_band"].cat.categories, world.people["age_band"].cat.categories)
    denominators += [
        {"id": name, "column": residents, "where": {age: list(ordered[which])}} for name, which in BANDS.items()
    ]
    fine = _counted(world, "oa_code", "Residents by age and sex", {age: "age_band", sex: "sex"})
    fine[1]["denominators"] = denominators
    ethnic = _counted(
        world,
        "lsoa_code",
        "Residents by ethnic group and age",
        {age: "age_band", words["ethnic_group"]: "ethnic_group"},
    )
    disability = _counted(
        world, "lsoa_code", "Residents by disability and age", {age: "age_band", words["disability"]: "disability"}
    )
    return {
        "population_age_sex": fine,
        "population_disability": disability,
        "population_ethnic_group": ethnic,
        "population_households": _households(world),
        "population_projections": _projections(world),
        "population_workday": _workday(world),
    }


def _counted(world: World, area: str, title: str, names: dict[str, str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Residents by area and two characteristics; combinations that nobody has are not listed."""
    words = world.plan["population"]
    where, count = words[area], words["residents"]
    codes = world.areas[area].to_numpy()[world.people["area"]]
    keys = [pd.Series(codes, name=where), *(world.people[of].rename(name) for name, of in names.items())]
    table = world.people.groupby(keys, observed=True).size().rename(count).reset_index()
    columns: dict[str, Any] = {where: {"type": "text"}}
    for name, of in names.items():
        written = file_codes(world, of)
        table[name] = table[name].astype(object).map(written)
        columns[name] = {
            "type": "category",
            "characteristic": of,
            "codes": {code: key for key, code in written.items()},
        }
    columns[count] = {"type": "integer", "minimum": 0}
    kind = {"oa_code": "output area", "lsoa_code": "lsoa"}[area]
    source = CENSUS | {
        "title": title + ", built to Census 2021 totals of the district",
        "file": f"residents_{'_'.join(names.values())}.csv",
        "geography": {"type": kind, "columns": [where], "vintage": "2011"},
        "population": {"basis": "resident", "count": count},
        "columns": columns,
    }
    return table, source


def file_codes(world: World, characteristic: str) -> dict[str, str]:
    """How this place's files write each category: in words of its own, or numbered."""
    categories = world.people[characteristic].cat.categories
    if world.plan["survey"]["layout"] == "codes" or characteristic == "ethnic_group":
        return {category: str(number) for number, category in enumerate(categories, 1)}
    return {category: label(category) for category in categories}


def label(category: str) -> str:
    """Words of a category in a file that writes labels.

    Examples
    --------
    >>> label("not_disabled"), label("85_plus")
    ('Not disabled', '85+')
    """
    words = category.replace("_plus", "+")
    return words.replace("_", "-") if words[0].isdigit() else words.replace("_", " ").capitalize()


def _households(world: World) -> tuple[pd.DataFrame, dict[str, Any]]:
    words = world.plan["population"]
    where, count = words["oa_code"], words["households"]
    source = CENSUS | {
        "title": "Households, built to the Census 2021 total of the district",
        "file": "households.csv",
        "geography": {"type": "output area", "columns": [where], "vintage": "2011"},
        "population": {"basis": "household", "count": count},
        "denominators": [{"id": "households", "column": count}],
        "columns": {where: {"type": "text"}, count: {"type": "integer", "minimum": 0}},
    }
    return world.areas[["oa_code", "households"]].set_axis([where, count], axis=1), source


def _projections(world: World) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Residents by age in each of ten years, by growth that differs between ages."""
    counts = world.people["age_band"].value_counts(sort=False)
    growth = np.linspace(*world.plan["growth"], len(counts))
    years = np.arange(2026, 2037)
    table = pd.DataFrame(
        {
            "year": np.repeat(years, len(counts)),
            "age": np.tile([file_codes(world, "age_band")[band] for band in counts.index], len(years)),
            "residents": np.outer(years - 2021, growth).ravel(),
        }
    )
    table["residents"] = (np.tile(counts.to_numpy(), len(years)) * np.exp(table["residents"])).round().astype(int)
    codes = {code: band for band, code in file_codes(world, "age_band").items()}
    source = CENSUS | {
        "title": "Projected residents by age",
        "file": "projections.csv",
        "period": ["2026-06-30", "2036-06-30"],
        "geography": {"type": "place"},
        "population": {"basis": "projection", "count": "residents", "year": "year"},
        "columns": {
            "year": {"type": "integer", "minimum": 2021},
            "age": {"type": "category", "characteristic": "age_band", "codes": codes},
            "residents": {"type": "integer", "minimum": 0},
        },
    }
    return table, source


def _workday(world: World) -> tuple[pd.DataFrame, dict[str, Any]]:
    people = pd.DataFrame({"workday_population": [round(world.plan["workday"] * len(world.people), -2)]})
    source = CENSUS | {
        "title": "People here on a working day: residents who stay and workers who come in",
        "file": "workday.csv",
        "geography": {"type": "place"},
        "population": {"basis": "workday", "count": "workday_population"},
        "columns": {"workday_population": {"type": "integer", "minimum": 0}},
    }
    return people.astype(int), source


__all__ = ["COMPARATORS", "file_codes", "label", "population_files"]
