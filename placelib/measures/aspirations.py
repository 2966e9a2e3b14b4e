"""What residents want and how they score where they live: shares and mean scores, for the place, wards and groups."""

import pandas as pd

from placelib.measures import groups as group_measures
from placelib.measures import population, survey
from placelib.sources.readers import Source

PERCENT = 100
ID = {"question": "aspiration_id", "indicator_id": "aspiration_id", "estimate": "value"}
NAMES = ["aspiration_id", "characteristic", "category"]
ESTIMATED = ["value", "lower", "upper", "respondents", "effective_respondents", "degrees_of_freedom"]
APART = [name for name in group_measures.NUMBERS if name not in ESTIMATED]
COLUMNS = [*NAMES, *ESTIMATED, *APART, "illustrative"]


def aspirations(design: survey.Design, source: Source, groups: pd.DataFrame, ward: pd.Series) -> pd.DataFrame:
    """Estimate every aspiration that the contract names: a share in per cent, or a mean score.

    Parameters
    ----------
    design : Design
        Raked.
    source : Source
        The survey. A missing answer is neither a no nor a score.
    groups : DataFrame
        A column a characteristic, a row a respondent.
    ward : Series
        Ward of home of each respondent.

    Returns
    -------
    DataFrame
        aspiration_id, characteristic ("all", "ward", or one of the groups'), category, value, lower, upper (95%),
        respondents, effective_respondents, degrees_of_freedom; and for shares by ward those columns of `groups.gaps`
        that set a ward beside everyone and the rest. Empty where the contract names no aspiration.
    """
    answers = {each: population.as_codes(source.frame[each.column]) for each in source.contract.aspirations}
    if not answers:
        return pd.DataFrame(columns=COLUMNS)
    shares = {each.id: codes.isin(each.yes).where(codes.notna()) for each, codes in answers.items() if each.yes}
    scores = {each.id: pd.to_numeric(codes) for each, codes in answers.items() if not each.yes}
    shares, scores = (pd.DataFrame(each, index=groups.index).astype(float) for each in (shares, scores))
    domains = survey.Domains.each(groups.assign(all="all", ward=ward))
    found = group_measures.cautious_proportions(design, shares, domains)
    found[["estimate", "lower", "upper"]] *= PERCENT
    found = pd.concat([found, survey.means(design, scores, domains)], ignore_index=True)
    found = found.rename(columns=ID)
    apart = pd.DataFrame(columns=[*NAMES, *APART])
    if len(shares.columns):
        apart = group_measures.gaps(design, shares, ward.to_frame("ward")).rename(columns=ID)[[*NAMES, *APART]]
    table = found.merge(apart, how="left", on=NAMES, validate="1:1")
    return table.assign(illustrative=source.contract.illustrative)[COLUMNS]
