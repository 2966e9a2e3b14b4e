"""Design-based survey estimates with their sampling error: proportions, means, totals, ratios and medians.

All rest on one linearisation (`linearise`), which tells the method.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse, special, stats

from placelib.errors import PlacelibError
from placelib.measures.design import Design, Domains, same_length
from placelib.measures.linearise import Estimates, covariances, estimates
from placelib.measures.raking import rake

__all__ = ["Design", "Domains", "covariance", "means", "medians", "proportions", "rake", "ratios", "totals"]

ROUNDING = 1e-12  # share of all weights that sums of weights may be wrong by


def proportions(design: Design, answers: pd.DataFrame, domains: Domains, *, level: float = 0.95) -> pd.DataFrame:
    """Estimate the proportion who say yes to each question in each domain, with design-based intervals.

    Parameters
    ----------
    design : Design
        Raked or not.
    answers : DataFrame, shape (people, questions)
        1 yes, 0 no, NaN not asked or not answered; a missing answer is never a no.
    domains : Domains
        All at once: questions and domains share one pass.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        The names of the domain (one column `domain`, or the levels of their index), question; estimate,
        standard_error, lower, upper (shares of 1); respondents (unweighted, who answered);
        effective_respondents (respondents / design_effect); design_effect (against simple random sampling
        with replacement); degrees_of_freedom (clusters less strata that have an answer in the domain);
        lone_strata (strata with a lone cluster behind the standard error).

        Intervals are Korn and Graubard's: exact binomial (beta) limits on p(1 - p) / variance effective
        respondents, times (t on respondents - 1 / t on degrees of freedom)², at most the respondents. Where the
        linearised variance is nil (0%, 100%, or clusters that happen to agree) Kish's effective respondents
        take their place, as a zero width would mislead. There is no interval without a degree of freedom, and no error
        either from a single cluster or a self-selected sample: then they are NaN, as is the estimate of an
        empty domain. effective_respondents is Kish's where there is no design effect.

    Raises
    ------
    PlacelibError
        For an answer that is not 0, 1 or missing, or rows that are not those of the design.

    References
    ----------
    Korn and Graubard (1998), "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data", Survey Methodology 24.
    """
    values = _values(design, answers, domains)
    wrong = ~(np.isnan(values) | (values == 0) | (values == 1)).all(axis=0)
    if wrong.any():
        raise PlacelibError(f"Answers to {list(answers.columns[wrong])} must be 1 (yes), 0 (no) or missing.")
    found = estimates(design, domains, values, 1)
    return _tidy(found, _proportion_interval(found, level), domains, answers.columns)


def means(design: Design, values: pd.DataFrame, domains: Domains, *, level: float = 0.95) -> pd.DataFrame:
    """Estimate means of numeric variables in each domain: as `proportions`, with Student's t intervals.

    Parameters
    ----------
    design, domains, level
        See `proportions`.
    values : DataFrame, shape (people, variables)
        Any unit, NaN for missing; the estimate is in the same unit.

    Returns
    -------
    DataFrame
        The columns of `proportions`. No interval where the linearised variance is nil.
    """
    return _ratio(design, values, 1, domains, level)


def totals(design: Design, values: pd.DataFrame, domains: Domains, *, level: float = 0.95) -> pd.DataFrame:
    """Estimate population totals of numeric variables in each domain, a missing value counting as nought.

    Parameters
    ----------
    design, domains, level
        See `proportions`.
    values : DataFrame, shape (people, variables)
        Any unit, NaN for missing.

    Returns
    -------
    DataFrame
        The columns of `proportions`; design_effect is NaN and effective_respondents Kish's.
    """
    return _ratio(design, values, 0, domains, level)


def ratios(
    design: Design, tops: pd.DataFrame, bottoms: pd.DataFrame, domains: Domains, *, level: float = 0.95
) -> pd.DataFrame:
    """Estimate the ratio of two population totals in each domain, such as spells of care per carer.

    Parameters
    ----------
    design, domains, level
        See `proportions`.
    tops, bottoms : DataFrame, shape (people, variables)
        What is divided by what, column by column; a person for whom either is missing counts in neither.

    Returns
    -------
    DataFrame
        The columns of `totals`, named by the columns of `tops`.
    """
    return _ratio(design, tops, _values(design, bottoms, domains), domains, level)


def medians(design: Design, values: pd.DataFrame, domains: Domains, *, level: float = 0.95) -> pd.DataFrame:
    """Estimate medians of numeric variables in each domain, with Woodruff's interval.

    The median is the least value that half the population does not pass. The limits are the values at the
    limits of the share of people at or below it: on the logit scale, as R's svyquantile(interval.type = "xlogit").

    Parameters
    ----------
    design, domains, level
        See `proportions`.
    values : DataFrame, shape (people, variables)
        Any unit, NaN for missing.

    Returns
    -------
    DataFrame
        The columns of `totals`; standard_error is the width of the interval over twice Student's t.

    References
    ----------
    Woodruff (1952), "Confidence intervals for medians and other position measures", JASA 47.
    """
    array = _values(design, values, domains)
    person, domain = domains.members.nonzero()
    of_pair, weight = array[person], design.weight[person]
    row, shape = np.arange(len(person) + 1), (len(person), len(domains.names))
    each = Domains(sparse.csr_array((weight, domain, row), shape=shape), domains.names)
    middle = _quantiles(of_pair, weight, domain, np.full((shape[1], array.shape[1]), 0.5))
    below = np.where(np.isnan(of_pair), np.nan, of_pair <= middle[domain])
    found = estimates(design, each, below, 1, person)
    limits = [_quantiles(of_pair, weight, domain, share) for share in _logit_interval(found, level)]
    error = (limits[1] - limits[0]) / (2 * student(found.degrees, level))
    found = found._replace(estimate=middle, variance=error**2, simple=error * np.nan)
    return _tidy(found, limits, domains, values.columns)


def _quantiles(values: np.ndarray, weight: np.ndarray, domain: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Least value, in each domain and column, that the share of the weight does not pass; NaN without one."""
    found = np.full(share.shape, np.nan)
    for column, wanted in enumerate(share.T):
        order = np.lexsort((values[:, column], domain))
        order = order[~np.isnan(values[order, column])]
        total = np.bincount(domain[order], weights=weight[order], minlength=len(wanted))
        known = np.flatnonzero((total > 0) & ~np.isnan(wanted))
        reached = (np.cumsum(total) - total + wanted * total)[known] - ROUNDING * total.sum()
        place = np.searchsorted(np.cumsum(weight[order]), reached)
        found[known, column] = values[order[place], column]
    return found


def covariance(design: Design, values: pd.DataFrame, domains: Domains) -> pd.DataFrame:
    """Estimate the sampling covariance of all the means (or proportions), in the order of their rows.

    For ranks, for differences between groups, and for a ward against the place that it is part of.

    Parameters
    ----------
    design, domains
        See `proportions`.
    values : DataFrame, shape (people, variables)
        NaN for missing.

    Returns
    -------
    DataFrame, shape (domains x variables, domains x variables)
        Rows and columns are the domain, then the variable. Its diagonal is standard_error squared. NaN
        where `means` has no standard error.
    """
    names = pd.MultiIndex.from_frame(_named(domains, values.columns))
    return pd.DataFrame(covariances(design, domains, _values(design, values, domains)), index=names, columns=names)


def _ratio(design: Design, top: pd.DataFrame, bottom: np.ndarray | int, domains: Domains, level: float) -> pd.DataFrame:
    """Divide sums, by 1 each for a mean and by nothing (0) for a total, with Student's interval."""
    found = estimates(design, domains, _values(design, top, domains), bottom)
    half = student(found.degrees, level) * np.sqrt(np.where(found.variance > 0, found.variance, np.nan))
    return _tidy(found, (found.estimate - half, found.estimate + half), domains, top.columns)


def _proportion_interval(found: Estimates, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Korn and Graubard's interval; without a variance, on Kish's effective respondents."""
    share, quantile, tail = found.estimate, student(found.degrees, level), (1 - level) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        effective = np.where(found.variance > 0, share * (1 - share) / found.variance, found.kish)
        size = effective * (student(found.respondents - 1, level) / quantile) ** 2
    size = np.where(np.isnan(found.variance), np.nan, np.minimum(size, found.respondents))
    yes, no = size * share, size * (1 - share)
    lower = np.where(share == 0, 0 * size, special.betaincinv(yes, no + 1, tail))
    upper = np.where(share == 1, 1 + 0 * size, special.betaincinv(yes + 1, no, 1 - tail))
    return lower, upper


def _logit_interval(found: Estimates, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a share on the logit scale, which R's svyquantile inverts for its limits of a median."""
    share = found.estimate
    with np.errstate(invalid="ignore", divide="ignore"):
        half = student(found.degrees, level) * np.sqrt(found.variance) / (share * (1 - share))
        limits = special.expit(special.logit(share) - half), special.expit(special.logit(share) + half)
    exact = _proportion_interval(found, level)
    return tuple(np.where(found.variance > 0, *both) for both in zip(limits, exact, strict=True))


def student(degrees: np.ndarray, level: float) -> np.ndarray:
    """Give Student's t for a two-sided interval; NaN without a degree of freedom."""
    known, place = np.unique(np.where(degrees >= 1, degrees, np.nan), return_inverse=True)
    return stats.t.ppf((1 + level) / 2, known)[place].reshape(degrees.shape)


def _tidy(found: Estimates, interval: Sequence[np.ndarray], domains: Domains, questions: pd.Index) -> pd.DataFrame:
    """Lay the arrays out as one row for each domain and question."""
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = np.where(found.variance > 0, found.variance / found.simple, np.nan)
    effective = np.where(effect > 0, found.respondents / effect, found.kish)
    columns = {"estimate": found.estimate, "standard_error": np.sqrt(found.variance)}
    columns |= {"lower": interval[0], "upper": interval[1], "respondents": found.respondents.astype(int)}
    columns |= {"effective_respondents": effective, "design_effect": effect, "degrees_of_freedom": found.degrees}
    columns["lone_strata"] = found.lone.astype(int)
    return _named(domains, questions).assign(**{name: array.ravel() for name, array in columns.items()})


def _named(domains: Domains, questions: pd.Index) -> pd.DataFrame:
    """Give the domain and question of each row."""
    levels = list(domains.names.names) if domains.names.nlevels > 1 else "domain"
    names = domains.names.to_frame(index=False, name=levels)
    return names.merge(questions.to_frame(index=False, name="question"), how="cross")


def _values(design: Design, values: pd.DataFrame, domains: Domains) -> np.ndarray:
    """Check that the rows are the people of the design, and give the values as floats."""
    for name, rows in {"table of answers": len(values), "table of domains": domains.members.shape[0]}.items():
        same_length(rows, len(design.weight), name)
    return values.to_numpy(dtype=float, na_value=np.nan)
