"""What people want against what they have: read theme by theme, by ward, and against the outcome framework."""

import numpy as np
import pandas as pd
from scipy.special import betainc
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests

from placelib.assessment.equality import CONFIDENCE, group_gaps
from placelib.sources.terms import Vocabulary

MIDDLE, LEAST_ANSWERS = 4.0, 30  # of the scale from 1 to 7; of a ward that anything is said of
READINGS = ["Wanted, and scored low", "Wanted, not scored low", "Seldom named, but scored low"]
READINGS += ["Seldom named, not scored low", "Not clear"]
NOT_ASKED, FEW_ASK = "Residents were not asked whether they want it", "Its theme is seldom named, and not scored low"
NO_OUTCOME, LOW_HOPE = "No outcome answers it", "Fewer hope for it than elsewhere"


def standard(wanted: pd.DataFrame, themes: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """Set residents' score of each theme beside the share that names it first, and what others score.

    Parameters
    ----------
    wanted : DataFrame
        See `measures.aspirations.aspirations`.
    themes : DataFrame
        The book `themes`, empty where nobody else was asked.
    vocabulary : Vocabulary
        For the themes.

    Returns
    -------
    DataFrame
        A row a theme, most named first: score, score_lower, score_upper (mean, 1 to 7), named_first and its limits
        (per cent who name it first), reading (wanted is surely more than an equal share, seldom surely less; low is
        surely below 4, not low surely above), respondents, effective_respondents, illustrative; the book's columns.
    """
    table = _by_theme(wanted[wanted["characteristic"] == "all"], vocabulary).droplevel("category")
    often, seldom = (table[f"named_first_{end}"].sub(100 / max(len(table), 1)) for end in ("lower", "upper"))
    low, high = table["score_upper"] < MIDDLE, table["score_lower"] > MIDDLE
    known = [(often > 0) & low, (often > 0) & high, (seldom < 0) & low, (seldom < 0) & high]
    table["reading"] = np.select(known, READINGS[:4], READINGS[4])
    return table.join(themes.set_index("theme")).sort_values("named_first", ascending=False).reset_index()


def _by_theme(wanted: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """Put the score of each theme beside the share that names it first, by category and theme."""
    rows = vocabulary.aspirations[["aspiration_id", "kind", "theme"]].merge(wanted, on="aspiration_id")
    score, first = (rows[rows["kind"] == kind].set_index(["category", "theme"]) for kind in ("theme score", "priority"))
    names = {"value": "named_first", "lower": "named_first_lower", "upper": "named_first_upper"}
    names |= {"effective_respondents": "effective_respondents_first"}
    score = score.rename(columns={"value": "score", "lower": "score_lower", "upper": "score_upper"})
    return score.join(first[[*names]].rename(columns=names))


def by_ward(wanted: pd.DataFrame, most_need: set[str], vocabulary: Vocabulary) -> pd.DataFrame:
    """Find the wards where hope is low although need is high, and where a theme is wanted and scored low.

    Parameters
    ----------
    wanted : DataFrame
        See `measures.aspirations.aspirations`.
    most_need : set of str
        Codes of the wards that are surely among the five with greatest need.
    vocabulary : Vocabulary
        For kinds and themes.

    Returns
    -------
    DataFrame
        A row a ward and finding: ward_code, finding (LOW_HOPE: a hope that surely fewer have than elsewhere, in wards
        of most need only, all of these tested together, see `equality.group_gaps`; or the first of READINGS: a theme
        that surely more than an equal share name first and whose score is surely below 4, all wards and themes tested
        together) and name (of the hope or theme).

    Notes
    -----
    A theme is unmet by the larger of two probabilities: of so many who name it first were the share an equal one
    (exact binomial, on effective respondents), and of so low a mean score were the true one 4 (Student's t). Holm's
    rule over all wards and themes keeps the chance of any false one to one in twenty.
    """
    ward = wanted[(wanted["characteristic"] == "ward") & (wanted["respondents"] >= LEAST_ANSWERS)]
    themes = _by_theme(ward, vocabulary).reset_index()
    unmet = themes[_surely_unmet(themes)] if len(themes) else themes
    hopes = vocabulary.aspirations.query("kind == 'hope'").merge(ward, on="aspiration_id").assign(indicator_id="")
    hopes = group_gaps(hopes[hopes["category"].isin(most_need)], vocabulary)  # of no direction: "worse" is fewer
    said = {LOW_HOPE: hopes[hopes["verdict"] == "worse"], READINGS[0]: unmet.assign(short_name=unmet["theme"])}
    found = pd.concat(said, names=["finding"])[["category", "short_name"]]
    return found.set_axis(["ward_code", "name"], axis=1).reset_index("finding").reset_index(drop=True)


def _surely_unmet(themes: pd.DataFrame) -> np.ndarray:
    base, freedom = themes["effective_respondents_first"].astype(float), themes["degrees_of_freedom"].astype(float)
    named = base * themes["named_first"] / 100
    by_share = betainc(named.clip(lower=1e-9), base - named + 1, 1 / themes["theme"].nunique())
    error = (themes["score_upper"] - themes["score_lower"]) / 2 / student.ppf((1 + CONFIDENCE) / 2, freedom)
    by_score = student.sf((MIDDLE - themes["score"]) / error, freedom)
    chance = np.nan_to_num(np.maximum(by_share, by_score), nan=1.0)
    return multipletests(chance, 1 - CONFIDENCE, method="holm")[0]


def unlinked(table: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """List the themes that no outcome answers, and the outcomes that nobody is known to want.

    Parameters
    ----------
    table : DataFrame
        See `standard`.
    outcomes : DataFrame
        The book `outcomes`.

    Returns
    -------
    DataFrame
        missing ("outcome" or "wish"), name (of the theme or outcome) and why.
    """
    alone = table.loc[~table["theme"].isin(outcomes["theme"]), ["theme"]].set_axis(["name"], axis=1)
    content = outcomes["theme"].isin(table.loc[table["reading"] == READINGS[3], "theme"])
    why = pd.Series(np.select([outcomes["theme"].isna(), content], [NOT_ASKED, FEW_ASK], ""), outcomes.index)
    unwanted = pd.DataFrame({"name": outcomes["outcome"], "missing": "wish", "why": why})[why != ""]
    return pd.concat([alone.assign(missing="outcome", why=NO_OUTCOME), unwanted], ignore_index=True)
