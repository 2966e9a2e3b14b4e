"""Equality: which groups are worse off than everyone, by how much and how surely; small groups keep their place."""

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from placelib.measures.contrasts import exact_differences
from placelib.measures.groups import AGE, NUMBERS
from placelib.sources.terms import Vocabulary

CONFIDENCE = 0.95
FAMILIES = 2  # single characteristics and pairs share the one chance in twenty
LEAST_ANSWERS = 30
SMALL_SHARE = 0.10  # of the largest group that answered the same question
NOT_ANSWERED = "prefer_not_to_say"


def group_gaps(gaps: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """Order the gaps between groups and everyone by size, and say which are sure.

    A group is compared with the rest, on effective respondents, by exact limits, so that a few answers that happen to
    agree make no certainty. All gaps of single characteristics are one testing family and all gaps of pairs of
    characteristics another; each has half of one in twenty, shared out equally (Bonferroni), so that all limits hold
    together at 95%. A verdict is given where they leave nought out: limits and verdict are one test. They are scaled
    from the rest to everyone. Groups with fewer than 30 respondents, or fewer than 30 beside them, or of a
    self-selected sample, are shown without a verdict and are not in the family. A group is ordered by its own gap,
    never weighed by its size, so that a small one is not drowned.

    Whether the ages of its people are all that sets a group apart is said by its ratio to everyone of its own ages
    (`measures.groups.gaps`): the exact limits of the group's own share, of the same testing family, over what is
    expected. What is expected is taken as known, and as the group is itself a part of that, the limits are drawn in by
    the square root of the share of the rest, which is about the error of a share less that of the whole.

    Parameters
    ----------
    gaps : DataFrame
        See `measures.groups.gaps`.
    vocabulary : Vocabulary
        For the direction.

    Returns
    -------
    DataFrame
        The same rows with difference_lower, difference_upper, family ("one characteristic" or "two characteristics"),
        comparisons (how many in the family), times_own_age, times_own_age_lower, times_own_age_upper (1: as everyone of
        the same ages; missing for the ages themselves), group_size ("small": up to a tenth of the largest group's
        answers) and verdict ("worse", "better", "no clear difference", "too few answers"), largest difference for the
        worse first, those not tested last.
    """
    rows = gaps[~gaps["category"].astype(str).str.contains(NOT_ANSWERED)].copy()
    rows[NUMBERS] = rows[NUMBERS].astype(float)
    rows["family"] = np.where(rows["category"].str.contains(" × "), "two characteristics", "one characteristic")
    enough = rows[["respondents", "rest_respondents"]].min(axis=1) >= LEAST_ANSWERS
    rows["tested"] = enough & (rows["degrees_of_freedom"] >= 1)
    rows["comparisons"] = rows["tested"].groupby(rows["family"]).transform("sum")
    rows["expected"] = rows["expected"].mask(rows["characteristic"] == AGE)
    rows["times_own_age"] = rows["value"] / rows["expected"]
    rows = rows.join(_limits(rows))
    sure = rows["tested"] & ((rows["difference_lower"] > 0) | (rows["difference_upper"] < 0))
    direction = rows["indicator_id"].map(vocabulary.indicators.set_index("indicator_id")["direction"])
    rows["worse_by"] = rows["difference"] * np.where(direction == "higher is worse", 1, -1)
    verdicts = [~rows["tested"], sure & (rows["worse_by"] > 0), sure & (rows["worse_by"] < 0)]
    rows["verdict"] = np.select(verdicts, ["too few answers", "worse", "better"], "no clear difference")
    everyone = rows["respondents"].groupby(rows["indicator_id"]).transform("max")
    rows["group_size"] = np.where(rows["respondents"] <= SMALL_SHARE * everyone, "small", "larger")
    return rows.sort_values(["tested", "worse_by"], ascending=False, ignore_index=True)


def severest_small_group(ordered: pd.DataFrame) -> pd.DataFrame:
    """Row of the small group that is surely worse off by most, from `group_gaps`; no row if there is none."""
    single = (ordered["family"] == "one characteristic") & (ordered["group_size"] == "small")
    return ordered[single & (ordered["verdict"] == "worse")].head(1)


def associated(found: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """Say for each question by which characteristics answers surely differ, all tests together (Holm).

    Parameters
    ----------
    found : DataFrame
        indicator_id, characteristic, p_value: see `measures.answers.associations`.
    vocabulary : Vocabulary
        For the names.

    Returns
    -------
    DataFrame
        indicator_id, differs_by (names, the surest first), tested (how many characteristics).
    """
    rows = found.sort_values("p_value", ignore_index=True)
    names = vocabulary.characteristics.drop_duplicates("characteristic").set_index("characteristic")
    sure = multipletests(rows["p_value"].astype(float), 1 - CONFIDENCE, method="holm")[0] if len(rows) else []
    rows["differs_by"] = rows["characteristic"].map(names["characteristic_name"]).where(np.array(sure, dtype=bool))
    questions = rows.groupby("indicator_id", sort=False)
    said = questions["differs_by"].agg(lambda names: "; ".join(names.dropna()) or "none, beyond chance")
    return said.to_frame().assign(tested=questions.size()).reset_index()


def group_names(table: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """Add the names of the groups, of both parts where two characteristics are crossed."""
    spoken = {}
    for name, joint in {"category": ", ", "characteristic": " and "}.items():
        words = vocabulary.characteristics.drop_duplicates(name).set_index(name)[f"{name}_name"].to_dict()
        words["all"] = "Everyone"
        names = [joint.join(words[part] for part in key.split(" × ")) for key in table[name]]
        spoken[f"{name}_name"] = pd.Series(names, table.index, dtype="str")  # words, even where there are no rows
    return table.assign(**spoken)


def _limits(rows: pd.DataFrame) -> pd.DataFrame:
    """Limits of each gap to everyone, from those of the gap to the rest, and of the ratio to people of its ages."""
    bases = {"value": rows["effective_respondents"], "rest": rows["rest_effective_respondents"]}
    sides = [pd.DataFrame({"yes": base * rows[share] / 100, "base": base}) for share, base in bases.items()]
    tail = (1 - CONFIDENCE) / 2 / FAMILIES / rows["comparisons"].clip(lower=1)
    gap = 100 * exact_differences(*sides, tail=tail).mul(rows["rest_share"], axis=0)
    own = 100 * np.array(proportion_confint(*sides[0].to_numpy().T, 2 * tail.to_numpy(), method="beta"))
    ratio, expected, drawn_in = rows["times_own_age"], rows["expected"], np.sqrt(rows["rest_share"])
    times = {end: ratio + drawn_in * (each / expected - ratio) for end, each in zip(gap, own, strict=True)}
    return gap.add_prefix("difference_").join(pd.DataFrame(times).add_prefix("times_own_age_"))
