"""Equality: which groups are worse off than everyone, by how much and how surely; small groups keep their place."""

import numpy as np
import pandas as pd
from scipy import stats

from placelib.sources.terms import Vocabulary

RULE = (
    "Each group is compared with everyone. A verdict is given only where it holds with every other comparison of its "
    "kind allowed for, single characteristics and pairs apart, and only to groups of 30 or more answers."
)
CONFIDENCE = 0.95
LEAST_ANSWERS = 30
LONGEST_LOG_RATIO = 7.0  # a thousandfold: beyond it a limit says nothing
SMALL_SHARE = 0.10  # of the largest group that answered the same question
NOT_ANSWERED = "prefer_not_to_say"


def group_gaps(gaps: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """Order the gaps between groups and everyone by size, and say which are sure.

    All gaps of single characteristics are one testing family and all gaps of pairs of characteristics another.
    Verdicts hold Holm's family-wise 95%. The limits shown with them are Bonferroni's, of the same family, by Student's
    t; they stop at nought where the verdict is sure, as limits compatible with Holm's verdicts may. Groups with fewer
    than 30 respondents are shown without a verdict and are not in the family. A group is ordered by its own gap, never
    weighed by its size, so that a small one is not drowned.

    Parameters
    ----------
    gaps : DataFrame
        See `measures.groups.gaps`.
    vocabulary : Vocabulary
        For the direction.

    Returns
    -------
    DataFrame
        The same rows with difference_lower, difference_upper, ratio_lower, ratio_upper, family ("one characteristic"
        or "two characteristics"), comparisons (how many in the family), group_size ("small": up to a tenth of
        the largest group's answers) and verdict ("worse", "better", "no clear difference", "too few answers"),
        largest difference for the worse first, those not tested last.

    References
    ----------
    Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6;
    Strassburger and Bretz (2008), "Compatible simultaneous lower confidence bounds for the Holm procedure and other
    Bonferroni-based closed tests", Statistics in Medicine 27.
    """
    rows = gaps[~gaps["category"].astype(str).str.contains(NOT_ANSWERED)].copy()
    numbers = ["value", "everyone", "difference", "difference_error", "ratio", "ratio_error"]
    numbers += ["respondents", "effective_respondents", "degrees_of_freedom"]
    rows[numbers] = rows[numbers].astype(float)
    rows["family"] = np.where(rows["category"].str.contains(" × "), "two characteristics", "one characteristic")
    tested = (rows["respondents"] >= LEAST_ANSWERS) & rows["difference_error"].notna()
    rows["comparisons"] = tested.groupby(rows["family"]).transform("sum")
    critical = stats.t.isf((1 - CONFIDENCE) / 2 / rows["comparisons"].clip(lower=1), rows["degrees_of_freedom"])
    margin, floor = critical * rows["difference_error"], -rows["everyone"]  # a share lies between 0% and 100%
    rows["difference_lower"] = (rows["difference"] - margin).clip(floor, floor + 100)
    rows["difference_upper"] = (rows["difference"] + margin).clip(floor, floor + 100)
    spread = np.exp((critical * rows["ratio_error"]).clip(upper=LONGEST_LOG_RATIO))
    rows["ratio_lower"], rows["ratio_upper"] = rows["ratio"] / spread, rows["ratio"] * spread
    sure = _holm(rows[tested]).reindex(rows.index, fill_value=False)
    above, below = sure & (rows["difference"] > 0), sure & (rows["difference"] < 0)
    rows["difference_lower"] = rows["difference_lower"].mask(above, rows["difference_lower"].clip(lower=0))
    rows["difference_upper"] = rows["difference_upper"].mask(below, rows["difference_upper"].clip(upper=0))
    direction = rows["indicator_id"].map(vocabulary.indicators.set_index("indicator_id")["direction"])
    worse = rows["difference"] * np.where(direction == "higher is worse", 1, -1)
    verdicts = [~tested, sure & (worse > 0), sure & (worse < 0)]
    rows["verdict"] = np.select(verdicts, ["too few answers", "worse", "better"], "no clear difference")
    everyone = rows["respondents"].groupby(rows["indicator_id"]).transform("max")
    rows["group_size"] = np.where(rows["respondents"] <= SMALL_SHARE * everyone, "small", "larger")
    rows = rows.assign(worse_by=worse, tested=tested)
    return rows.sort_values(["tested", "worse_by"], ascending=False, ignore_index=True)


def severest_small_group(ordered: pd.DataFrame) -> pd.DataFrame:
    """Row of the small group that is surely worse off by most, from `group_gaps`; no row if there is none."""
    single = (ordered["family"] == "one characteristic") & (ordered["group_size"] == "small")
    return ordered[single & (ordered["verdict"] == "worse")].head(1)


def group_names(table: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """Add the names of the groups, of both parts where two characteristics are crossed."""
    spoken = {}
    for name, joint in {"category": ", ", "characteristic": " and "}.items():
        words = vocabulary.characteristics.drop_duplicates(name).set_index(name)[f"{name}_name"].to_dict()
        words["all"] = "Everyone"
        names = [joint.join(words[part] for part in key.split(" × ")) for key in table[name]]
        spoken[f"{name}_name"] = pd.Series(names, table.index, dtype="str")  # words, even where there are no rows
    return table.assign(**spoken)


def _holm(rows: pd.DataFrame) -> pd.Series:
    """Whether each gap is sure by Holm's procedure within its family."""
    p = _p_value(rows)
    adjusted = p * (rows["comparisons"] - p.groupby(rows["family"]).rank(method="first") + 1)
    ordered = adjusted.iloc[np.argsort(p, kind="stable")].groupby(rows["family"]).cummax()
    return ordered.reindex(rows.index) <= 1 - CONFIDENCE


def _p_value(rows: pd.DataFrame) -> pd.Series:
    """Give each gap the p-value of an exact binomial test of the group's share, on its effective respondents.

    Where few or nearly all of a group say yes, the gap's own error is too small by chance just when its gap is large.
    The binomial takes its error from everyone's share and has no such fault; benchmarks/EDITIONS.md has both sides.
    """
    base = rows["effective_respondents"]
    yes, share = base * rows["value"] / 100, rows["everyone"] / 100
    at_least = np.where(yes > 0, stats.beta.cdf(share, yes.clip(lower=1e-9), base - yes + 1), 1.0)
    at_most = np.where(yes < base, stats.beta.sf(share, yes + 1, (base - yes).clip(lower=1e-9)), 1.0)
    return pd.Series(np.minimum(2 * np.minimum(at_least, at_most), 1), rows.index)
