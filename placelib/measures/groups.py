"""Groups of residents against everyone: gaps with the covariance of part and whole, and needs that fall together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from placelib.measures import contrasts, survey

PAIRS = (("sex", "disability"), ("sex", "ethnic_group"), ("sex", "age_band"), ("disability", "socio_economic"))
MANY_NEEDS = 3
MOST_COUNTED = 5
LEAST_ASKED_SHARE = 0.8
PERCENT = 100
NIL = 1e-12
BASES = ["respondents", "effective_respondents", "degrees_of_freedom"]


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
    every = [survey.Domains.of(pd.DataFrame({"everyone": "all"}, index=answers.index))]
    every += [survey.Domains.of(groups[list(names)]) for names in _families(groups.columns)]
    members = sparse.hstack([domains.members for domains in every], format="csr")
    names = [("all", "all")] + [
        (" × ".join(names), " × ".join(key if isinstance(key, tuple) else (key,)))
        for names, domains in zip(_families(groups.columns), every[1:], strict=True)
        for key in domains.names
    ]
    stacked = survey.Domains(members, pd.MultiIndex.from_tuples(names, names=["characteristic", "category"]))
    found = survey.proportions(design, answers, stacked)
    weight = design.weight
    kish = (members.T @ weight) ** 2 / (members.T @ weight**2) / members.sum(axis=0)
    caution = np.minimum(1, np.repeat(kish, answers.shape[1])) * found["respondents"]
    found["effective_respondents"] = np.minimum(found["effective_respondents"], caution)
    parts = [_against_everyone(design, answers[[question]], stacked, found) for question in answers]
    return pd.concat(parts, ignore_index=True)


def _families(characteristics: Sequence[str]) -> list[tuple[str, ...]]:
    known = set(characteristics)
    return [(name,) for name in characteristics] + [pair for pair in PAIRS if known.issuperset(pair)]


def _against_everyone(
    design: survey.Design, answers: pd.DataFrame, domains: survey.Domains, found: pd.DataFrame
) -> pd.DataFrame:
    """Gaps of one question; the first domain is everyone."""
    rows = found[found["question"] == answers.columns[0]].reset_index(drop=True)
    covariance = survey.covariance(design, answers, domains).to_numpy()
    value, variance, shared = rows["estimate"].to_numpy(), np.diag(covariance), covariance[0]
    gap_variance = contrasts.difference_variance(covariance, np.arange(len(value)), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio_variance = variance / value**2 + variance[0] / value[0] ** 2 - 2 * shared / (value * value[0])
        # a group whose few answers all agree shows no variance of its own, which does not make its gap certain
        gap_variance = np.where(variance > NIL, gap_variance, np.nan)
        table = rows[["characteristic", "category", *BASES]].assign(
            indicator_id=answers.columns[0],
            value=PERCENT * value,
            everyone=PERCENT * value[0],
            difference=PERCENT * (value - value[0]),
            difference_error=PERCENT * np.sqrt(gap_variance),
            ratio=value / value[0],
            ratio_error=np.sqrt(np.where(variance > NIL, np.maximum(ratio_variance, 0), np.nan)),
        )
    return table.iloc[1:]


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
    frames = {"all": pd.DataFrame({"category": "all"}, index=answers.index)}
    frames |= {name: groups[[name]].rename(columns={name: "category"}) for name in groups}
    parts = [
        survey.proportions(design, counted, survey.Domains.of(frame)).assign(characteristic=name)
        for name, frame in frames.items()
    ]
    table = pd.concat(parts, ignore_index=True).rename(
        columns={"domain": "category", "question": "needs", "estimate": "value"}
    )
    table[["value", "lower", "upper"]] *= PERCENT
    everyone = survey.proportions(design, asked, survey.Domains.of(frames["all"]))["estimate"].to_numpy()
    expected = pd.Series(_by_chance(everyone), index=counted.columns) * PERCENT
    table["expected"] = table["needs"].map(expected).where(table["characteristic"] == "all")
    columns = ["characteristic", "category", "needs", "value", "lower", "upper", "expected"]
    return table[[*columns, "respondents", "effective_respondents"]]


def _by_chance(shares: np.ndarray) -> list[float]:
    """Shares of people by number of needs if every need were independent of the others (Poisson binomial)."""
    chance = np.ones(1)
    for share in shares:
        chance = np.convolve(chance, [1 - share, share])
    chance = np.pad(chance, (0, MOST_COUNTED))  # where fewer were asked, nobody can have that many
    return [*chance[:MOST_COUNTED], chance[MOST_COUNTED:].sum(), chance[MANY_NEEDS:].sum()]
