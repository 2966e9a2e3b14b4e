"""What could go wrong: partners' judgement of each risk, and what all of them together could cost in a year.

Likelihood and impact are given as a least, a most likely and a most value. Each becomes a PERT distribution, not a
triangular one: the extremes are what people judge worst, and in a triangular distribution each of them moves the mean
as much as the most likely value does; in PERT the most likely value counts four times as much.
"""

import numpy as np
import pandas as pd
from scipy import stats

SEED, YEARS, STEPS = 20261126, 100_000, 1_000
BAD_YEAR, JUDGED = 0.95, (0.05, 0.95)  # the loss passed in one year of twenty; low and high end of what partners judge
CHANCE = ["probability_lower", "probability_mode", "probability_upper"]
IMPACT = ["impact_lower", "impact_mode", "impact_upper"]
NUMBERS = ["chance_pct", "impact_gbp_m", "value", "lower", "upper", "bad_year_pct"]


def pert(ends: pd.DataFrame, at: np.ndarray) -> np.ndarray:
    """Quantiles of PERT distributions: betas stretched from the least to the most value.

    The two shapes are 1 + 4 (mode - least) / (most - least) and 1 + 4 (most - mode) / (most - least), so that the mean
    is (least + 4 mode + most) / 6.

    Parameters
    ----------
    ends : DataFrame
        A row a distribution: least, most likely and most, in this order. Where least equals most it is that value.
    at : array
        Probabilities.

    Returns
    -------
    array, shape (probabilities, distributions)

    References
    ----------
    Malcolm, Roseboom, Clark and Fazar (1959), "Application of a technique for research and development program
    evaluation", Operations Research 7.

    Examples
    --------
    >>> pert(pd.DataFrame([[0, 5, 10], [3, 3, 3]]), np.array([0.5])).round(6).tolist()
    [[5.0, 3.0]]
    """
    least, mode, most = ends.to_numpy(dtype=float).T
    width = np.where(most > least, most - least, 1.0)
    below, above = (1 + 4 * np.abs(mode - end) / width for end in (least, most))
    return least + (most - least) * stats.beta.ppf(np.asarray(at)[:, None], below, above)


def simulated(risks: pd.DataFrame) -> np.ndarray:
    """Losses of many possible years, from a fixed seed.

    In each year a cause draws three numbers, and all of its risks use them: how likely its risks were, whether they
    came, and how hard they hit. So risks of one cause come together, the likelier ones first, and hit hard together. It
    is the cautious end: bad years are worse than with a looser link, and the expected loss is the same. A risk without
    a cause has numbers of its own.

    Parameters
    ----------
    risks : DataFrame
        The risk register (see data/vocabulary/books.toml).

    Returns
    -------
    array, shape (years, risks)
        Pounds lost to each risk in each year; 0 where it did not come.
    """
    causes, group = np.unique(risks["cause"].fillna("alone: " + risks["risk_id"]).to_numpy(str), return_inverse=True)
    random, shape = np.random.default_rng(SEED), (YEARS, len(causes))
    came, likely, hard = random.random(shape), random.integers(STEPS, size=shape), random.integers(STEPS, size=shape)
    places, risk = (np.arange(STEPS) + 0.5) / STEPS, np.arange(len(risks))
    chance, impact = (pert(risks[ends], places) for ends in (CHANCE, IMPACT))
    return np.where(came[:, group] < chance[likely[:, group], risk], impact[hard[:, group], risk], 0.0)


def register(risks: pd.DataFrame) -> pd.DataFrame:
    """Rank the risks by the loss that is expected of each in a year, and say what each adds to a bad year.

    Parameters
    ----------
    risks : DataFrame
        The risk register; the order of its rows does not matter.

    Returns
    -------
    DataFrame
        The register, largest first, with chance_pct (in a year) and impact_gbp_m (£ million, if it comes), both means;
        value, their product, the loss to expect in £ million a year, from lower to upper as partners judge the chance
        low or high; and bad_year_pct, its share of all that is lost in the worst 1 in 20 years.

    Notes
    -----
    The share is the risk's mean loss over the simulated years that reach the 1-in-20 loss, over the mean of all: shares
    of the expected shortfall, which add up to 100 whatever the links between risks (Tasche 2000, "Risk contributions
    and performance measurement"). Where nothing is lost in 19 years of 20, those are all years.
    """
    chance, impact = (risks[ends].to_numpy(float) @ [1, 4, 1] / 6 for ends in (CHANCE, IMPACT))
    lost = simulated(risks)
    total = lost.sum(axis=1)
    bad = lost[total >= _bad_year(total)[0]].sum(axis=0)
    losses = [impact, chance * impact, *pert(risks[CHANCE], JUDGED) * impact]
    columns = [100 * chance, *(loss / 1e6 for loss in losses), 100 * bad / max(bad.sum(), 1)]
    table = risks.assign(**dict(zip(NUMBERS, columns, strict=True)))
    return table.sort_values(["value", "risk_id"], ascending=[False, True], ignore_index=True)


def exposure(risks: pd.DataFrame) -> pd.DataFrame:
    """What all risks together could cost in a year.

    Parameters
    ----------
    risks : DataFrame
        The risk register.

    Returns
    -------
    DataFrame
        measure; value, lower, upper (£ million): a row for the expected loss (exact: the sum of chance × impact; its
        limits take every chance at the low, or at the high, end of what partners judge), the loss of a 1-in-20 year,
        and the same if no two risks shared a cause (limits: 99% of the error of simulating, and nothing else). No row
        without risks.

    Examples
    --------
    >>> sure = {"risk_id": "A", "cause": None} | dict.fromkeys(CHANCE, 1.0) | dict.fromkeys(IMPACT, 5e6)
    >>> exposure(pd.DataFrame([sure]))["value"].tolist()
    [5.0, 5.0, 5.0]
    """
    table = register(risks)
    together, apart = (_bad_year(simulated(each).sum(axis=1)) / 1e6 for each in (table, table.assign(cause=None)))
    found = [("Expected loss a year", *table[NUMBERS[2:5]].sum()), ("Loss in a 1-in-20 year", *together)]
    found += [("The same, if no two risks came together", *apart)]
    return pd.DataFrame(found if len(risks) else [], columns=["measure", *NUMBERS[2:5]])


def _bad_year(total: np.ndarray) -> np.ndarray:
    """The loss of a 1-in-20 year, with 99% limits of the error of simulating it: order statistics on either side."""
    error = stats.norm.ppf(0.995) * np.sqrt(BAD_YEAR * (1 - BAD_YEAR) / len(total))
    return np.quantile(total, [BAD_YEAR, BAD_YEAR - error, BAD_YEAR + error], method="inverted_cdf")
