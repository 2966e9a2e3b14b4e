"""Is one group unlike another? Differences with their covariance, exact ones, and the Rao-Scott test of a table."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg, sparse, special, stats

from placelib.errors import PlacelibError
from placelib.measures.design import Design, Domains, listed
from placelib.measures.linearise import estimates
from placelib.measures.survey import covariance, means, student

NORMAL = np.linspace(-6, 6, 25)  # a standard normal variable, over whose values chances are summed
WEIGHT = stats.norm.pdf(NORMAL) / stats.norm.pdf(NORMAL).sum()
ENDLESS = 1e6  # times as many: Fisher's test of so large a base is the binomial test of rare events
HALVINGS = 16  # of the span from -1 to 1: a limit is right to 0.003 percentage points


class Association(NamedTuple):
    """Rao-Scott test of no association; `p_value` is the one to report.

    Attributes
    ----------
    pearson : float
        Chi-square of the weighted table, scaled to the respondents who gave both answers.
    design_effect : float
        What first-order correction divides it by: the mean generalised design effect.
    degrees_of_freedom : float
        Of the chi-square, (rows - 1)(columns - 1).
    first_order_p_value : float
        Of pearson / design_effect as a chi-square.
    statistic, numerator_degrees, denominator_degrees, p_value : float
        Second-order corrected F test (R: svychisq's default).
    """

    pearson: float
    design_effect: float
    degrees_of_freedom: float
    first_order_p_value: float
    statistic: float
    numerator_degrees: float
    denominator_degrees: float
    p_value: float


def differences(
    design: Design, values: pd.DataFrame, domains: Domains, pairs: Sequence[tuple], *, level: float = 0.95
) -> pd.DataFrame:
    """Estimate how far means (or proportions) of pairs of domains lie apart, whatever people they share.

    The variance is that of the one, plus that of the other, less twice their covariance: so a ward may be
    compared with the place that it is part of, and two groups with people, or clusters, in common.

    Parameters
    ----------
    design, values, domains, level
        See `survey.means`.
    pairs : sequence of (domain, domain)
        Names of domains; the second is taken from the first.

    Returns
    -------
    DataFrame
        first, second, question; difference, standard_error, lower, upper (in the unit of the values); p_value;
        degrees_of_freedom (the fewer of the two domains', for Student's t).

    Raises
    ------
    PlacelibError
        For a name that is no domain.
    """
    ends = [end for pair in pairs for end in pair]
    if unknown := [end for end in ends if end not in domains.names]:
        raise PlacelibError(f"There is no domain {listed(unknown)}: name those that the survey was cut into.")
    used, place = np.unique(domains.names.get_indexer(ends), return_inverse=True)
    first, second = place.reshape(-1, 2).T
    some = Domains(domains.members[:, used], domains.names[used])
    found = estimates(design, some, values.to_numpy(dtype=float, na_value=np.nan), 1)
    joint = np.stack([covariance(design, values[[question]], some) for question in values], axis=2)
    estimate, fewer = found.estimate, np.minimum(found.degrees[first], found.degrees[second])
    gap, error = estimate[first] - estimate[second], _error(joint, first, second)
    half = student(fewer, level) * error
    with np.errstate(invalid="ignore", divide="ignore"):  # what has nothing to divide by is NaN
        deviation = np.where((fewer >= 1) & (error > 0), np.abs(gap) / error, np.nan)
    columns = {
        "difference": gap,
        "standard_error": error,
        "lower": gap - half,
        "upper": gap + half,
        "p_value": 2 * stats.t.sf(deviation, fewer),
        "degrees_of_freedom": fewer,
    }
    named = [(*pair, question) for pair in pairs for question in values]
    table = pd.DataFrame(named, columns=["first", "second", "question"])
    return table.assign(**{name: array.ravel() for name, array in columns.items()})


def _error(joint: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Error of the one less the other, from their covariance; rounding never makes a variance negative."""
    return np.sqrt(np.maximum(joint[first, first] + joint[second, second] - 2 * joint[first, second], 0))


def exact_differences(first: pd.DataFrame, second: pd.DataFrame, *, tail: pd.Series) -> pd.DataFrame:
    """Compare shares of two separate groups exactly: by Fisher's test, with the limits that agree with it.

    A share of `yes` among `base` has Clopper and Pearson's confidence distributions: Beta(yes, no + 1) below, and
    Beta(yes + 1, no) above. The chance that the first's lower one is no larger than the second's upper one is the
    p-value of Fisher's exact test, to the digit; the least difference that this test does not refuse is the lower
    limit (Fay, Proschan and Brittain's melded interval), and the upper one likewise. A base need not be whole: that of
    a survey is its effective respondents. A covariance of the two is not used: that of groups of neighbours, who are
    alike, makes the test cautious.

    Parameters
    ----------
    first, second : DataFrame
        yes, base; a row a comparison, with the same index.
    tail : Series
        Chance of error on either side: 0.025 for 95% limits of one comparison.

    Returns
    -------
    DataFrame
        p_value (two-sided: twice the smaller tail), lower, upper (of first less second, shares of 1). NaN for a
        missing number or an empty base.

    References
    ----------
    Fay, Proschan and Brittain (2015), "Combining one-sample confidence procedures for inference in the two-sample
    case", Biometrics 71; R: exact2x2::binomMeld.test.

    Examples
    --------
    >>> treated, others = pd.DataFrame({"yes": [7.0], "base": [8]}), pd.DataFrame({"yes": [1.0], "base": [8]})
    >>> exact_differences(treated, others, tail=pd.Series([0.025])).round(3).loc[0].tolist()
    [0.01, 0.146, 0.971]
    """
    ends = [end for group in (first, second) for end in (group["yes"], group["base"] - group["yes"])]
    counts = np.array(ends, dtype=float)
    counts[:, (counts[:2].sum(axis=0) <= 0) | (counts[2:].sum(axis=0) <= 0)] = np.nan
    below, above = _chances(counts), _chances(counts[[2, 3, 0, 1]])
    p_value = np.minimum(2 * np.minimum(below(np.zeros(len(tail))), above(np.zeros(len(tail)))), 1)
    limits = {"lower": _where_reaches(below, tail), "upper": -_where_reaches(above, tail)}
    return pd.DataFrame({"p_value": p_value} | limits, first.index)


def _chances(counts: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Chance, given a gap, that the lower share of the first is no more than the upper one of the second and the gap.

    Counts are yes and no of the first, yes and no of the second. The sum runs over the share of the larger base, as
    the other's changes little between the values summed: shares of no turn the two about.
    """
    larger = counts[:2].sum(axis=0) > counts[2:].sum(axis=0)
    yes, no, other_yes, other_no = np.where(larger, counts[::-1], counts)[:, :, None]
    reach = special.ndtr(-abs(NORMAL))  # from the nearer end, where digits are kept
    share = np.where(
        NORMAL > 0, *(inverse(other_yes + 1, other_no, reach) for inverse in (special.betainccinv, special.betaincinv))
    )
    share = np.where(other_no > 0, share, 1 + 0 * other_no)
    return lambda gap: special.betainc(yes, no + 1, np.clip(share + gap[:, None], 0, 1)) @ WEIGHT


def _where_reaches(chance: Callable[[np.ndarray], np.ndarray], tail: pd.Series) -> np.ndarray:
    """Least gap whose chance is the tail, by halving."""
    low, high = np.full(len(tail), -1.0), np.ones(len(tail))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        short = chance(middle) < tail.to_numpy()
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(np.isnan(chance(low)), np.nan, low)


def against_place(wards: pd.DataFrame, place: pd.Series) -> pd.Series:
    """Test whether each ward differs from the place that it is part of, by one indicator.

    A survey's wards come with their p-value, which allows for the covariance of part and whole. A ward's count is
    tested against the rest of the place by Fisher's exact test. As an event may befall somebody again, the people at
    risk of events count as endlessly many: given all events, a ward's are then binomial by its share of the people.

    Parameters
    ----------
    wards : DataFrame
        Rows of the shared indicator table, of one indicator, with counts as they are published.
    place : Series
        The row of the whole place.

    Returns
    -------
    Series
        Two-sided p-value of each ward: nought in a full count, where chance has no part; missing without counts.
    """
    if place["release_class"] == "survey":
        return wards["place_p_value"]
    often = ENDLESS if place["measure"] == "flow" else 1
    yes, base = (wards[name].clip(upper=place[name]) for name in ("numerator", "denominator"))
    ward = pd.DataFrame({"yes": yes, "base": often * base})
    rest = pd.DataFrame({"yes": place["numerator"] - yes, "base": often * (place["denominator"] - base)})
    found = exact_differences(ward, rest, tail=pd.Series(0.025, wards.index))["p_value"]
    return found.where(wards["standard_error"] > 0, 0.0)


def rao_scott(design: Design, rows: pd.Series, columns: pd.Series) -> Association:
    """Test whether two characteristics of people go together, allowing for the design.

    Parameters
    ----------
    design : Design
        Raked or not; a probability sample.
    rows, columns : Series, a row a person
        The two characteristics; a person for whom either is missing is left out of the table, not of the design.

    Raises
    ------
    PlacelibError
        When either has fewer than two categories, or there is no sampling error to test with.

    References
    ----------
    Rao and Scott (1984), "On chi-squared tests for multiway contingency tables with cell proportions estimated
    from survey data", Annals of Statistics 12. R: survey::svychisq.
    """
    coded = [pd.factorize(column.where(rows.notna() & columns.notna())) for column in (rows, columns)]
    shape = [len(names) for _, names in coded]
    if min(shape) < 2:
        raise PlacelibError(f"A table of {shape[0]} by {shape[1]} categories tests nothing: give two or more of each.")
    cell = np.where(coded[0][0] < 0, -1, coded[0][0] * shape[1] + coded[1][0])
    cells = pd.DataFrame(np.where(cell[:, None] < 0, np.nan, cell[:, None] == np.arange(np.prod(shape))))
    everyone = Domains(sparse.csr_array(np.ones((len(cell), 1))), pd.Index(["all"]))
    share = means(design, cells, everyone)["estimate"].to_numpy()
    joint = covariance(design, cells, everyone).to_numpy()
    if np.isnan(joint).any():
        raise PlacelibError("There is no sampling error to test with: the sample is self-selected, or one cluster.")
    table, people = share.reshape(shape), int((cell >= 0).sum())
    expected = np.outer(table.sum(axis=1), table.sum(axis=0))
    pearson = people * ((table - expected) ** 2 / expected).sum()
    interaction = np.kron(*(np.eye(size)[:, 1:] - 1 / size for size in shape))
    scaled = interaction / np.where(share > 0, share, np.inf)[:, None]
    effects = linalg.solve(interaction.T @ scaled / people, scaled.T @ joint @ scaled)  # generalised design effects
    trace, degrees = np.trace(effects), len(effects)
    numerator = trace**2 / np.trace(effects @ effects)
    denominator = numerator * (len(design.clusters.stratum) - len(design.clusters.names))
    first_order = stats.chi2.sf(pearson * degrees / trace, degrees)
    second_order = stats.f.sf(pearson / trace, numerator, denominator)
    found = pearson, trace / degrees, degrees, first_order, pearson / trace, numerator, denominator, second_order
    return Association(*map(float, found))
