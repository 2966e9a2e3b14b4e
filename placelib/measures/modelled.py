"""Ward figures of the survey with strength borrowed from other wards: modelled, and said to be."""

from collections.abc import Collection

import pandas as pd

from placelib.errors import PlacelibError
from placelib.measures.indicators import stacked
from placelib.measures.smallarea import modelled_proportions

PERCENT = 100
OLDER, DISABLED = ["65_74", "75_84", "85_plus"], ["disabled_a_lot", "disabled_a_little"]
DIRECT = {"value": "direct", "lower": "direct_lower", "upper": "direct_upper"}
COLUMNS = ["indicator_id", "ward_code", "direct", "direct_lower", "direct_upper", "value", "lower", "upper", "moved"]
COLUMNS += ["direct_weight_pct", "respondents", "effective_respondents", "basis", "rule", "illustrative"]


def modelled_wards(
    table: pd.DataFrame, residents: pd.DataFrame, adults: pd.Series, *, questions: Collection[str]
) -> pd.DataFrame:
    """Model every survey question that is put to all adults, ward by ward.

    The covariates are the shares of residents who are 65 or over and who are disabled, where the place counts them;
    neither is in the need index, unless an agency feeds `disabled_residents`: then that covariate is left out.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, unrounded.
    residents : DataFrame
        See `population.residents`.
    adults : Series
        Adults by ward code.
    questions : collection of str
        Indicators that are a share of all adults.

    Returns
    -------
    DataFrame
        indicator_id, ward_code, direct, direct_lower, direct_upper, value, lower, upper (all %), moved (points from
        direct to modelled), direct_weight_pct (how much of the modelled figure is the ward's own), respondents,
        effective_respondents, basis ("modelled"; "direct" where there is no sampling error), rule (how the variance
        between wards was found), illustrative. A question that cannot be modelled is absent.
    """
    asked = table[(table["release_class"] == "survey") & table["indicator_id"].isin(questions)]
    covariates = _covariates(residents)
    if "disabled_residents" in set(table["indicator_id"]):
        covariates = covariates.drop(columns="disability", errors="ignore")
    parts = []
    for _, rows in asked.groupby(["indicator_id", "illustrative"]):
        wards = rows[rows["area_type"] == "ward"].set_index("area_code").rename_axis("ward_code")
        place = rows[(rows["area_type"] == "place") & (rows["characteristic"] == "all")]["value"].iloc[0] / PERCENT
        direct = wards[["respondents", "design_effect"]].assign(estimate=wards["value"] / PERCENT)
        try:
            model = modelled_proportions(direct, covariates.reindex(wards.index), population=adults, place=place)
        except PlacelibError:  # too few wards, or nothing to model: the direct figures stand alone
            continue
        percents = PERCENT * model.areas[["value", "lower", "upper", "moved", "direct_weight"]]
        found = percents.join(model.areas[["basis", "rule"]]).rename(columns={"direct_weight": "direct_weight_pct"})
        told = wards.rename(columns=DIRECT).drop(columns="basis", errors="ignore").join(found)
        parts.append(told.reset_index()[COLUMNS])
    return stacked(parts).reindex(columns=COLUMNS)


def _covariates(residents: pd.DataFrame) -> pd.DataFrame:
    """Share of each ward's residents who are older, and who are disabled."""
    counted = residents[residents["characteristic"].isin(["age_band", "disability"])]
    chosen = counted["residents"].where(counted["category"].isin([*OLDER, *DISABLED]), 0)
    keys = [counted["ward_code"], counted["characteristic"]]
    return (chosen.groupby(keys).sum() / counted["residents"].groupby(keys).sum()).unstack()
