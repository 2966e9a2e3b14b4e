"""Is one group unlike another? Differences with their covariance, and the Rao-Scott test of a table."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg, sparse, stats

from placelib.errors import PlacelibError
from placelib.measures.design import Design, Domains, listed
from placelib.measures.linearise import estimates
from placelib.measures.survey import covariance, means, student


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
        ratio (of first to second), ratio_error (of its logarithm); degrees_of_freedom (the fewer of the two
        domains', for Student's t).

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
        ratio, relative = estimate[first] / estimate[second], joint / (estimate[:, None] * estimate)
    columns = {
        "difference": gap,
        "standard_error": error,
        "lower": gap - half,
        "upper": gap + half,
        "p_value": 2 * stats.t.sf(deviation, fewer),
        "ratio": ratio,
        "ratio_error": _error(relative, first, second),
        "degrees_of_freedom": fewer,
    }
    named = [(*pair, question) for pair in pairs for question in values]
    table = pd.DataFrame(named, columns=["first", "second", "question"])
    return table.assign(**{name: array.ravel() for name, array in columns.items()})


def _error(joint: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Error of the one less the other, from their covariance; rounding never makes a variance negative."""
    return np.sqrt(np.maximum(joint[first, first] + joint[second, second] - 2 * joint[first, second], 0))


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
