"""Groups of residents beside everyone and beside the rest, and needs that fall together."""

import numpy as np
import pandas as pd
from scipy import sparse

from placelib.measures import population, survey

AGE = "age_band"
PAIRS = (("sex", "disability"), ("sex", "ethnic_group"), ("sex", AGE), ("disability", "socio_economic"))
MANY_NEEDS = 3
MOST_COUNTED = 5
LEAST_ASKED_SHARE = 0.8
PERCENT = 100
EVERYONE = ("all", "all")
NUMBERS = ["value", "everyone", "difference", "ratio", "respondents", "effective_respondents", "degrees_of_freedom"]
NUMBERS += ["rest", "rest_respondents", "rest_effective_respondents", "rest_share", "expected"]


def cautious_proportions(design: survey.Design, answers: pd.DataFrame, domains: survey.Domains) -> pd.DataFrame:
    """Estimate proportions as `survey.proportions`, with effective respondents that luck does not swell.

    In a small group the design effect is itself an estimate, and where it comes out low by chance the interval is too
    short. Whoever picks groups by their effective respondents, to mark or to test them, picks those. So a group's are
    never more than Kish's for its weights allow, which no answer changes; benchmarks/COVERAGE.md has both sides.
    """
    found, weight = survey.proportions(design, answers, domains), design.weight
    people = np.maximum(domains.members.sum(axis=0), 1)
    share = (domains.members.T @ weight) ** 2 / (people * np.maximum(domains.members.T @ weight**2, 1e-300))
    most = share.repeat(answers.shape[1]) * found["respondents"]
    return found.assign(effective_respondents=found["effective_respondents"].clip(upper=most))


def gaps(design: survey.Design, answers: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Set each group beside everyone, and beside the rest, for each question.

    The rest are all who answered and are not of the group: what the group is tested against, as it is itself a part of
    everyone. With f the group's share of the answers, its gap to everyone is (1 - f) times its gap to the rest. Groups
    are the categories of each characteristic and of the pairs named in `PAIRS`.

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
        The columns of `survey.proportions`, of characteristic (two joined by " × " for a pair) and category, with
        indicator_id; value (%), everyone (%), difference (percentage points), ratio, expected (% if each
        person had answered as everyone of the same age, so that value / expected is an indirectly standardised ratio;
        NaN without ages); and of the rest: rest (%), rest_respondents, rest_effective_respondents, rest_share (1 - f,
        weighted, of those who answered the question).
    """
    crosses = [list(pair) for pair in PAIRS if set(pair) <= set(groups)]
    pairs = {" × ".join(pair): population.crossed([groups[name] for name in pair]) for pair in crosses}
    domains = survey.Domains.each(_with_everyone(groups).assign(**pairs))
    others = survey.Domains(sparse.csr_array(1 - domains.members.toarray()), domains.names)
    found, rest = (cautious_proportions(design, answers, each) for each in (domains, others))
    asked, questions = answers.notna().mul(design.weight, axis=0), answers.shape[1]
    age = groups.reindex(columns=[AGE])[AGE]
    table = found.rename(columns={"question": "indicator_id", "estimate": "value"})
    table["rest"], table["expected"] = rest["estimate"], _expected(design.weight, answers, age, domains)
    table[["value", "rest", "expected"]] *= PERCENT
    table["everyone"] = table["indicator_id"].map(table.head(questions).set_index("indicator_id")["value"])
    table["difference"], table["ratio"] = table["value"] - table["everyone"], table["value"] / table["everyone"]
    table["rest_share"] = (others.members.T @ asked / asked.sum().to_numpy()).ravel()
    table = table.join(rest[["respondents", "effective_respondents"]].add_prefix("rest_"))
    return table.iloc[questions:].reset_index(drop=True)


def _expected(weight: np.ndarray, answers: pd.DataFrame, age: pd.Series, domains: survey.Domains) -> np.ndarray:
    """Share who would say yes, by domain and question, if people answered as everyone of their age; NaN without ages.

    Whoever did not tell an age is taken to be as the others of the group.
    """
    asked = answers.notna().mul(weight * age.notna(), axis=0)
    yes, people = (each.groupby(age, dropna=False).transform("sum") for each in (answers * asked, asked))
    like, told = (pd.DataFrame(domains.members.T @ each) for each in ((asked * yes / people).fillna(0), asked))
    return (like / told).to_numpy().ravel()


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
    asked = answers.loc[:, answers.notna().mean() >= LEAST_ASKED_SHARE].dropna().reindex(answers.index)
    number = asked.sum(axis=1, skipna=False)
    labels = [str(count) for count in range(MOST_COUNTED)] + [f"{MOST_COUNTED} or more"]
    shares = {label: (number.clip(upper=MOST_COUNTED) == count) for count, label in enumerate(labels)}
    shares[f"{MANY_NEEDS} or more"] = number >= MANY_NEEDS
    counted = pd.DataFrame(shares).astype(float).where(number.notna())
    table = cautious_proportions(design, counted, survey.Domains.each(_with_everyone(groups)))
    table = table.rename(columns={"question": "needs", "estimate": "value"})
    table[["value", "lower", "upper"]] *= PERCENT
    shares = asked.mul(design.weight, axis=0).sum() / design.weight[number.notna()].sum()
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
