"""Groups of residents against everyone: gaps with the covariance of part and whole, and needs that fall together."""

import numpy as np
import pandas as pd

from placelib.measures import contrasts, population, survey

PAIRS = (("sex", "disability"), ("sex", "ethnic_group"), ("sex", "age_band"), ("disability", "socio_economic"))
MANY_NEEDS = 3
MOST_COUNTED = 5
LEAST_ASKED_SHARE = 0.8
PERCENT = 100
EVERYONE = ("all", "all")


def gaps(design: survey.Design, answers: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Difference and ratio of each group to everyone, for each question, with their own errors.

    The variance of a difference is that of the group, plus that of everyone, less twice their covariance: the group is
    part of everyone. Groups are the categories of each characteristic and of the pairs named in `PAIRS`.

    Parameters
    ----------
    design : Design
        Raked.
    answers : DataFrame
        1, 0 or missing, a column a question.
    groups : DataFrame
        A column a characteristic; a row a respondent, as in `answers`.

    Returns
    -------
    DataFrame
        characteristic, category (two joined by " × " for a pair), indicator_id, value, respondents,
        effective_respondents (never more than respondents, or than Kish's for their weights), degrees_of_freedom,
        everyone, difference, difference_error (percentage points), ratio, ratio_error (of its logarithm); no error
        where a group's answers all agree.
    """
    crosses = [list(pair) for pair in PAIRS if set(pair) <= set(groups)]
    pairs = {" × ".join(pair): population.crossed([groups[name] for name in pair]) for pair in crosses}
    domains = survey.Domains.each(_with_everyone(groups).assign(**pairs))
    compared = [(group, EVERYONE) for group in domains.names.drop(EVERYONE)]
    apart = contrasts.differences(design, answers, domains, compared)
    found = survey.proportions(design, answers, domains)
    kish = (domains.members.T @ design.weight) ** 2 / (domains.members.T @ design.weight**2)
    cautious = np.minimum(1, kish / domains.members.sum(axis=0)).repeat(answers.shape[1]) * found["respondents"]
    found["effective_respondents"] = found["effective_respondents"].clip(upper=cautious)
    everyone, rows = found.head(answers.shape[1]), found.iloc[answers.shape[1] :].reset_index(drop=True)
    # a group whose few answers all agree shows no variance of its own, which does not make its gap certain
    certain = apart[["standard_error", "ratio_error"]].where(rows["standard_error"] > 0)
    return rows[["characteristic", "category", "respondents", "effective_respondents", "degrees_of_freedom"]].assign(
        indicator_id=rows["question"],
        value=PERCENT * rows["estimate"],
        everyone=PERCENT * rows["question"].map(everyone.set_index("question")["estimate"]),
        difference=PERCENT * apart["difference"],
        difference_error=PERCENT * certain["standard_error"],
        ratio=apart["ratio"],
        ratio_error=certain["ratio_error"],
    )


def _with_everyone(groups: pd.DataFrame) -> pd.DataFrame:
    """Put everyone first, as a group of their own."""
    return pd.DataFrame({"all": "all"}, index=groups.index).join(groups)


def needs_together(design: survey.Design, answers: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """How many needs fall on the same people: shares of adults by number of needs, for everyone and by group.

    Only questions put to nearly everyone count; a person who left one of them out is left out.

    Returns
    -------
    DataFrame
        characteristic, category, needs ("0" … "5 or more", and "3 or more"), value, lower, upper (%), respondents,
        effective_respondents, expected (% if each need fell on people by chance alone; everyone only).
    """
    asked = answers.loc[:, answers.notna().mean() >= LEAST_ASKED_SHARE]
    number = asked.sum(axis=1).where(asked.notna().all(axis=1))
    labels = [str(count) for count in range(MOST_COUNTED)] + [f"{MOST_COUNTED} or more"]
    shares = {label: (number.clip(upper=MOST_COUNTED) == count) for count, label in enumerate(labels)}
    shares[f"{MANY_NEEDS} or more"] = number >= MANY_NEEDS
    counted = pd.DataFrame(shares).astype(float).where(number.notna())
    table = survey.proportions(design, counted, survey.Domains.each(_with_everyone(groups)))
    table = table.rename(columns={"question": "needs", "estimate": "value"})
    table[["value", "lower", "upper"]] *= PERCENT
    shares = asked.mul(design.weight, axis=0).sum() / asked.notna().mul(design.weight, axis=0).sum()
    expected = pd.Series(_by_chance(shares), index=counted.columns) * PERCENT
    table["expected"] = table["needs"].map(expected).where(table["characteristic"] == "all")
    columns = ["characteristic", "category", "needs", "value", "lower", "upper", "expected"]
    return table[[*columns, "respondents", "effective_respondents"]]


def _by_chance(shares: pd.Series) -> list[float]:
    """Shares of people by number of needs if every need were independent of the others (Poisson binomial)."""
    chance = np.ones(1)
    for share in shares:
        chance = np.convolve(chance, [1 - share, share])
    chance = np.pad(chance, (0, MOST_COUNTED))  # where fewer were asked, nobody can have that many
    return [*chance[:MOST_COUNTED], chance[MOST_COUNTED:].sum(), chance[MANY_NEEDS:].sum()]
