"""How agencies' rates spread over the wards: by deprivation, and beyond what wards usually differ."""

import numpy as np
import pandas as pd

from placelib.assessment.needs import FAMILY_CONFIDENCE, Standing, coefficients
from placelib.measures.standard import funnel_limits, slope_index

FEWEST_WARDS = 10
WATCH, ACT = 0.95, 0.998  # levels of funnel limits
DEPRIVATION = "income_deprivation"


def deprivation_of(table: pd.DataFrame, at: Standing, weights: pd.Series) -> tuple[pd.DataFrame, str]:
    """Score the wards by deprivation, and say by which measure.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table.
    at : Standing
        Where each ward stands on each indicator.
    weights : Series
        Of the domains.

    Returns
    -------
    DataFrame, wards by indicators
        Income deprivation where the place has it; otherwise the need index without that indicator, which would
        else be set against itself. Higher is more deprived. An indicator that is nowhere compared has no column.
    str
        Which of the two.
    """
    wards = table[(table["area_type"] == "ward") & (table["indicator_id"] == DEPRIVATION)]
    if wards["value"].notna().any():
        known = wards.set_index("area_code")["value"].dropna()
        return pd.DataFrame(dict.fromkeys({*table["indicator_id"]} - {DEPRIVATION}, known)), "income deprivation"
    without = {name: at.domain.drop(name) for name in at.domain.index}
    scores = {
        name: at.ratio[kept.index] @ coefficients(kept, weights)
        for name, kept in without.items()
        if (kept.map(weights) > 0).any()
    }
    return pd.DataFrame(scores), "the need index without the measure itself"


def social_gradient(table: pd.DataFrame, deprivation: pd.DataFrame) -> pd.DataFrame:
    """Measure how far each agency's rate rises from the least to the most deprived end of the place.

    The slope index and the relative index of inequality (`standard.slope_index`), turned so that more among the
    deprived is above 0, and above 1. Limits allow for all measures together (Bonferroni) and for chance in the counts
    alone. Full counts and the survey are left out, as are wards whose count is hidden.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, with counts as they are published.
    deprivation : DataFrame
        See `deprivation_of`.

    Returns
    -------
    DataFrame
        indicator_id, wards (how many), slope, slope_lower, slope_upper (most less least deprived, in the measure's
        unit), relative, relative_lower, relative_upper (most over least; missing where the line falls below nought).
    """
    rows, told = _counted(table[table["area_code"].isin(deprivation.index)]), []
    rows = rows[rows["indicator_id"].isin(deprivation)]
    level = 1 - (1 - FAMILY_CONFIDENCE) / max(rows["indicator_id"].nunique(), 1)
    for name, wards in rows.groupby("indicator_id"):
        order = deprivation[name].reindex(wards.index)
        found = slope_index(wards, wards["denominator"], deprivation=order, level=level)[["value", "upper", "lower"]]
        told.append((name, len(wards), *-found.loc["slope_index"], *1 / found.loc["relative_index"]))
    ends = ["", "_lower", "_upper"]
    columns = [f"{kind}{end}" for kind in ("slope", "relative") for end in ends]
    return pd.DataFrame(told, columns=["indicator_id", "wards", *columns])


def funnel(table: pd.DataFrame) -> pd.DataFrame:
    """Say which wards have more or fewer events than wards of the place usually do (`standard.funnel_limits`).

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, with counts as they are published.

    Returns
    -------
    DataFrame
        indicator_id, ward_code, value, average (of all wards together), lower, upper (where 998 of 1,000 wards would
        lie by chance and the usual spread), verdict: "higher", "lower", "perhaps higher" or "perhaps lower" (outside
        where 95 of 100 would lie), "as others".
    """
    rows, parts = _counted(table).query("measure == 'flow'"), []
    for name, wards in rows.groupby("indicator_id"):
        expected = wards["denominator"] * wards["numerator"].sum() / wards["denominator"].sum()
        watch, act = (funnel_limits(wards["numerator"], expected, level=level) for level in (WATCH, ACT))
        average = wards["per"] * expected / wards["denominator"] / wards["years"]
        beyond = [act["verdict"] != "as expected", watch["verdict"] != "as expected"]
        verdict = np.select(beyond, [act["verdict"], "perhaps " + watch["verdict"]], "as others")
        told = act[["lower", "upper"]].mul(average, axis=0).assign(indicator_id=name, value=wards["value"])
        parts.append(told.assign(average=average, verdict=verdict))
    columns = ["indicator_id", "value", "average", "lower", "upper", "verdict"]
    found = pd.concat(parts) if parts else rows.assign(average=1.0, lower=1.0, upper=1.0, verdict="")
    return found[columns].rename_axis("ward_code").reset_index()


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of wards with counts that chance has a part in, by ward, of measures that most wards have."""
    rows = table[(table["area_type"] == "ward") & (table["standard_error"] > 0) & (table["denominator"] > 0)]
    rows = rows[rows["value"].notna() & rows["numerator"].notna() & (rows["basis"] != "modelled")]
    return rows[rows.groupby("indicator_id")["value"].transform("size") >= FEWEST_WARDS].set_index("area_code")
