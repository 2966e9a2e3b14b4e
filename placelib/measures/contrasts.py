"""Is one group unlike another? Differences with their covariance, exact ones, and the Rao-Scott test of a table."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg, sparse, special, stats

from placelib.errors import PlacelibError
from placelib.measures.design import Design, Domains, listed
from placelib.measures.linearise import estimates
from placelib.measures.survey import covariance, means, student

ENDLESS = 1e6  # times as many people: shares so small are as rare as events are


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
    columns = {"difference": gap, "standard_error": error, "lower": gap - half, "upper": gap + half}
    columns |= {"p_value": 2 * stats.t.sf(deviation, fewer), "degrees_of_freedom": fewer}
    named = [(*pair, question) for pair in pairs for question in values]
    table = pd.DataFrame(named, columns=["first", "second", "question"])
    return table.assign(**{name: array.ravel() for name, array in columns.items()})


def _error(joint: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Error of the one less the other, from their covariance; rounding never makes a variance negative."""
    return np.sqrt(np.maximum(joint[first, first] + joint[second, second] - 2 * joint[first, second], 0))


def exact_differences(first: pd.DataFrame, second: pd.DataFrame, *, tail: pd.Series) -> pd.DataFrame:
    """Say how far shares of two separate groups lie apart, with limits that a few answers do not make too narrow.

    Each share has Clopper and Pearson's exact limits. The limits of the difference recover the variance from those
    (Zou and Donner's method): with l and u the limits of each share p, ``p1 - p2 - sqrt((p1 - l1)² + (u2 - p2)²)``
    and ``p1 - p2 + sqrt((u1 - p1)² + (p2 - l2)²)``. Where the second group is endless this is the exact binomial test
    of the first against it. A base need not be whole: that of a survey is its effective respondents. A covariance of
    the two is not used: that of groups of neighbours, who are alike, makes the limits cautious.

    Parameters
    ----------
    first, second : DataFrame
        yes, base; a row a comparison, with the same index.
    tail : Series or float
        Chance of error on either side: 0.025 for 95% limits of one comparison.

    Returns
    -------
    DataFrame
        lower, upper (of first less second, shares of 1). NaN for a missing number or an empty base.

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26; Newcombe (1998), "Interval estimation for the difference between
    independent proportions", Statistics in Medicine 17; Zou and Donner (2008), "Construction of confidence limits
    about effect measures", Statistics in Medicine 27.

    Examples
    --------
    >>> first, second = pd.DataFrame({"yes": [9.0], "base": [10]}), pd.DataFrame({"yes": [3.0], "base": [10]})
    >>> exact_differences(first, second, tail=0.025).round(3).loc[0].tolist()
    [0.107, 0.853]
    """
    (share, low, high), (other, below, above) = (_clopper_pearson(each, tail) for each in (first, second))
    limits = {"lower": -np.hypot(share - low, above - other), "upper": np.hypot(high - share, other - below)}
    return pd.DataFrame(limits).add(share - other, axis=0)


def _clopper_pearson(counts: pd.DataFrame, tail: pd.Series | float) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Share and exact limits; none for an empty base."""
    yes, no = counts["yes"].where(counts["base"] > 0), counts["base"] - counts["yes"]
    low = pd.Series(special.betaincinv(yes, no + 1, tail), yes.index).mask(yes == 0, 0.0)
    high = pd.Series(special.betainccinv(yes + 1, no, tail), yes.index).mask(no <= 0, 1.0)
    return yes / counts["base"], low, high.where(yes.notna())


def apart_from_place(wards: pd.DataFrame, place: pd.Series, *, tail: float) -> pd.Series:
    """Say which wards are surely above (1) or below (-1) the place that they are part of, by one indicator.

    A survey's wards come with their p-value, which allows for the covariance of part and whole. A ward's count is
    compared with the rest of the place's by `exact_differences`. As an event may befall somebody again, the people at
    risk of events count as endlessly many: the counts are then Poisson's.

    Parameters
    ----------
    wards : DataFrame
        Rows of the shared indicator table, of one indicator, with counts as they are published.
    place : Series
        The row of the whole place.
    tail : float
        Chance of error on either side, for each ward.

    Returns
    -------
    Series
        1, -1 or 0. A full count has no chance in it: whatever differs surely does. Without counts nothing is sure.
    """
    often = ENDLESS if place["measure"] == "flow" else 1
    yes, base = (wards[name].clip(upper=place[name]).astype(float) for name in ("numerator", "denominator"))
    rest = pd.DataFrame({"yes": place["numerator"] - yes, "base": often * (place["denominator"] - base)})
    limits = exact_differences(pd.DataFrame({"yes": yes, "base": often * base}), rest, tail=tail)
    sure = (limits["lower"] > 0) | (limits["upper"] < 0) | (wards["standard_error"] == 0)
    if place["release_class"] == "survey":
        sure = wards["place_p_value"] / 2 <= tail
    return np.sign(wards["value"] - place["value"]).where(sure, 0)


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
