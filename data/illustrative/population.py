"""Population files of an illustrative place: residents by area and kind, households, projections, people at work."""

from typing import Any

import numpy as np
import pandas as pd

from illustrative.people import World

YEARS = np.arange(2026, 2037)


def residents(world: World, source: dict[str, Any]) -> pd.DataFrame:
    """Residents by area and the characteristics that the file's columns ask for; empty combinations are left out."""
    wanted = [column["from"] for column in source["columns"].values()][:-1]
    areas = world.areas[["oa_code", "lsoa_code"]].iloc[world.people["area"]].reset_index(drop=True)
    everyone = pd.concat([areas, world.people], axis=1)
    return everyone.groupby(wanted, observed=True).size().rename("residents").reset_index()


def households(world: World, source: dict[str, Any]) -> pd.DataFrame:  # noqa: ARG001 - one signature for all files
    """Households of each output area."""
    return world.areas[["oa_code", "households"]]


def projections(world: World, source: dict[str, Any]) -> pd.DataFrame:  # noqa: ARG001 - one signature for all files
    """Residents by age in each of eleven years, by growth that differs between ages."""
    now = world.people["age_band"].value_counts(sort=False)
    growth = np.outer(YEARS - YEARS[0] + 5, np.linspace(*world.plan["growth"], len(now)))
    table = pd.DataFrame((now.to_numpy() * np.exp(growth)).round().astype(int), YEARS, now.index.astype(str))
    return table.rename_axis("year").reset_index().melt("year", var_name="age_band", value_name="residents")


def workday(world: World, source: dict[str, Any]) -> pd.DataFrame:  # noqa: ARG001 - one signature for all files
    """People here on a working day."""
    return pd.DataFrame({"people": [int(round(world.plan["workday"] * len(world.people), -2))]})
