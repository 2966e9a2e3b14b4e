"""How agencies' rates spread over the wards: by deprivation, and beyond what wards usually differ."""

import numpy as np
import pandas as pd
from scipy import stats

from placelib.assessment.needs import FAMILY_CONFIDENCE, Standing, coefficients
from placelib.measures.standard import funnel_limits, slope_index

FEWEST_WARDS = 10
WATCH, ACT = 0.95, 0.998  # levels of funnel limits
ENDS, DEPRIVATION = ["lower", "upper"], "income_deprivation"
INDICES = [f"{kind}{end}" for kind in ("slope", "relative") for end in ("", "_lower", "_upper")]


def social_gradient(table: pd.DataFrame, at: Standing, weights: pd.Series) -> pd.DataFrame:
    """Measure how far each agency's rate rises from the least to the most deprived end of the place.

    The slope index and the relative index of inequality (`standard.slope_index`), turned so that more among the
    deprived is above 0, and above 1. Wards are ordered by income deprivation where the place has it; otherwise by the
    need index without that measure, which would else be set against itself. Limits allow for all measures together
    (Bonferroni) and for chance in the counts alone. Full counts and the survey are left out, as are wards whose count
    is hidden or whose income deprivation is not known, and a measure with no other to order the wards by.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, with counts as they are published.
    at : Standing
        Where each ward stands on each indicator.
    weights : Series
        Of the domains.

    Returns
    -------
    DataFrame
        indicator_id, wards (how many), slope, slope_lower, slope_upper (most less least deprived, in the measure's
        unit), relative, relative_lower, relative_upper (most over least; missing where an end of the line is not above
        nought: without an upper limit the least deprived end may have none at all), ordered_by.
    """
    given = table.query("area_type == 'ward' and indicator_id == @DEPRIVATION").set_index("area_code")["value"].dropna()
    rows, told = _counted(table[table["area_code"].isin(given.index)] if len(given) else table), []
    level = 1 - (1 - FAMILY_CONFIDENCE) / max(rows["indicator_id"].nunique(), 1)
    for name, wards in rows[rows["indicator_id"] != DEPRIVATION].groupby("indicator_id"):
        others = at.domain.drop(name, errors="ignore")
        if given.empty and others.empty:
            continue
        order = given if len(given) else at.ratio[others.index] @ coefficients(others, weights)
        found = slope_index(wards, wards["denominator"], deprivation=order.reindex(wards.index), level=level)
        slope, ratio = found.loc[["slope_index", "relative_index"], ["value", "upper", "lower"]].to_numpy()
        told.append((name, len(wards), *-slope, *1 / np.where(ratio > 0, ratio, np.nan)))
    ordered_by = "income deprivation" if len(given) else "the need index without the measure itself"
    return pd.DataFrame(told, columns=["indicator_id", "wards", *INDICES]).assign(ordered_by=ordered_by)


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
    for _, wards in rows.groupby("indicator_id"):
        rate = wards["numerator"].sum() / wards["denominator"].sum()
        limits = funnel_limits(wards["numerator"], rate * wards["denominator"], level=ACT)
        average = wards["per"] * rate / wards["years"]
        parts.append(wards.assign(average=average, score=limits["score"], **limits[ENDS].mul(average, axis=0)))
    found = pd.concat(parts) if parts else rows.assign(average=0.0, score=0.0)
    beyond, way = found["score"].abs(), np.where(found["score"] > 0, "higher", "lower")
    sure, perhaps = (beyond > stats.norm.ppf((1 + level) / 2) for level in (ACT, WATCH))
    found["verdict"] = np.select([sure, perhaps], [way, "perhaps " + way], "as others")
    return found[["indicator_id", "value", "average", *ENDS, "verdict"]].rename_axis("ward_code").reset_index()


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of wards with counts that chance has a part in, by ward, of measures that most have, and not all nought."""
    rows = table[(table["area_type"] == "ward") & (table["standard_error"] > 0) & (table["denominator"] > 0)]
    rows = rows[rows["value"].notna() & rows["numerator"].notna() & (rows["basis"] != "modelled")]
    events = rows.groupby("indicator_id")["numerator"]
    return rows[(events.transform("size") >= FEWEST_WARDS) & (events.transform("sum") > 0)].set_index("area_code")
