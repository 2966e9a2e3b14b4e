"""Design-based survey estimates: proportions, means and totals with their sampling error.

Every estimate is linearised once, in the same function: the influence of a person on a mean is
``w (y - mean) / sum(w)`` and on a total ``w y``, nil outside the domain. Its variance is that of the totals
of these influences between the clusters of each stratum (Taylor linearisation, ultimate clusters). For a
raked design the influence is first replaced by the residual of its regression on the margins, as Deville and
Särndal (1992) show. Nobody is ever dropped from the design: outside a domain a person's influence is nought.

In the code d counts domains, q questions, k margin categories, and a "meeting" is a cluster (or stratum)
and a domain with a person in both: sums are kept by meeting, as clusters by domains would not fit in memory.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse, special, stats

from placelib.errors import PlacelibError
from placelib.measures.design import Design, Domains, Raked, rake, same_length

__all__ = ["Design", "Domains", "Raked", "covariance", "means", "proportions", "rake", "totals"]

NIL = 1e-12  # a variance below this share of the mean square's over the respondents is rounding error


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

        Intervals are on the logit scale, with Student's t. Where the linearised variance is nil (0%, 100%,
        or clusters that happen to agree), a zero width would mislead: the interval is Korn and Graubard's,
        exact binomial on Kish's effective respondents times (t on respondents - 1 / t on degrees of
        freedom)², at most the respondents. There is no interval without a degree of freedom, and no error
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
    found = _estimates(design, values, domains)
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
    found = _estimates(design, _values(design, values, domains), domains)
    return _tidy(found, _student_interval(found, level), domains, values.columns)


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
    found = _estimates(design, _values(design, values, domains), domains, total=True)
    return _tidy(found, _student_interval(found, level), domains, values.columns)


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
    array = _values(design, values, domains)
    found = _estimates(design, array, domains)
    influence = _linearise(design, array, domains, found.estimate)
    covered = np.zeros((found.estimate.size,) * 2)
    for part in influence.parts:
        dense = np.zeros((len(part.multiplier), *found.estimate.shape))
        dense[part.group, part.domain] = part.sums
        if influence.coefficients is not None:
            dense -= np.tensordot(part.loadings.toarray(), influence.coefficients, axes=(1, 1))
        dense = dense.reshape(len(dense), -1)
        covered += (dense.T * part.multiplier) @ dense
    with np.errstate(invalid="ignore", divide="ignore"):
        covered /= np.outer(found.base, found.base)
    unknown = np.isnan(found.variance).ravel()
    covered[unknown, :] = covered[:, unknown] = np.nan
    names = pd.MultiIndex.from_frame(_named(domains, values.columns))
    return pd.DataFrame(covered, index=names, columns=names)


class _Part(NamedTuple):
    """Half of a variance: influences summed over clusters, or over strata, a row for each meeting."""

    sums: np.ndarray  # meetings x questions
    answered: np.ndarray  # meetings x questions: 1 where somebody answered
    group: np.ndarray  # the cluster or stratum of each meeting
    domain: np.ndarray  # the domain of each meeting
    multiplier: np.ndarray  # of each group's square
    loadings: sparse.csr_array | None  # groups x margin categories: sums of the raked weights


class _Influence(NamedTuple):
    """The linearised estimates."""

    parts: tuple[_Part, _Part]  # by cluster, by stratum
    coefficients: np.ndarray | None  # d x k x q: regression on the margins


class _Estimates(NamedTuple):
    """Arrays of domains x questions."""

    estimate: np.ndarray
    base: np.ndarray  # what the influences are divided by
    variance: np.ndarray
    simple: np.ndarray  # the variance under simple random sampling with replacement
    respondents: np.ndarray
    kish: np.ndarray
    degrees: np.ndarray
    lone: np.ndarray


def _estimates(design: Design, values: np.ndarray, domains: Domains, *, total: bool = False) -> _Estimates:
    """Estimate means, or totals, and their variances."""
    answered = (~np.isnan(values)).astype(float)
    filled = np.nan_to_num(values)
    weight, members = design.weight[:, None], domains.members.T.tocsr()
    weighted, respondents = members @ (weight * answered), members @ answered
    sums, squares = members @ (weight * filled), members @ (weight * filled**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, square = sums / weighted, squares / weighted
        simple = (square - mean**2) / (respondents - 1)
        kish = weighted**2 / (members @ (weight**2 * answered))
    estimate = np.where(respondents > 0, sums, np.nan) if total else mean
    base = np.ones_like(weighted) if total else weighted
    influence = _linearise(design, values, domains, np.zeros_like(mean) if total else mean)
    clusters, strata, lone = _counts(influence, design, len(mean))
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = _variance(influence, mean.shape) / base**2
        rounding = NIL * square / (respondents - 1) * (weighted / base) ** 2
    variance = np.where(variance < rounding, 0, variance)
    variance[(clusters < 2) | (not design.probability)] = np.nan
    degrees = np.where(design.probability, clusters - strata, np.nan)
    simple = np.full_like(mean, np.nan) if total else simple
    return _Estimates(estimate, base, variance, simple, respondents, kish, degrees, lone)


def _linearise(design: Design, values: np.ndarray, domains: Domains, centre: np.ndarray) -> _Influence:
    """Sum the influences w (y - centre) of the people who answered over clusters and strata."""
    person, domain = domains.members.nonzero()
    influence = values[person] - centre[domain]
    answered = ~np.isnan(influence)
    influence[~answered] = 0
    influence *= design.weight[person, None]
    clusters, raked = design.clusters, design.calibration
    loadings = coefficients = None
    if raked is not None:
        ratio = raked.base_weight / design.weight
        products = _by_domain(domain, ratio[person], len(centre), raked.indicators[person]) @ influence
        coefficients = raked.inverse @ products.reshape(len(centre), -1, values.shape[1])
        loadings = _sums(clusters.of_person, design.weight) @ raked.indicators
    meetings = clusters.of_person[person], domain
    first = _Part(*_met(influence, answered, *meetings), clusters.scale, loadings)
    strata = clusters.stratum[first.group], first.domain
    if raked is not None:
        loadings = _sums(clusters.stratum, np.ones(len(clusters.stratum))) @ loadings
    second = _Part(*_met(first.sums, first.answered, *strata), -clusters.recentre, loadings)
    return _Influence((first, second), coefficients)


def _variance(influence: _Influence, shape: tuple[int, int]) -> np.ndarray:
    """Add up the squares of the sums of influences, less their regression on the margins; never below 0."""
    variance = np.zeros(shape)
    for part in influence.parts:
        multiplier = part.multiplier[part.group]
        variance += _by_domain(part.domain, multiplier, len(variance)) @ part.sums**2
        if influence.coefficients is None:
            continue
        cross = _by_domain(part.domain, multiplier, len(variance), part.loadings[part.group]) @ part.sums
        inner = (part.loadings.T @ sparse.diags_array(part.multiplier) @ part.loadings).toarray()
        fitted = inner @ influence.coefficients - 2 * cross.reshape(influence.coefficients.shape)
        variance += (influence.coefficients * fitted).sum(axis=1)
    return np.maximum(variance, 0)


def _counts(influence: _Influence, design: Design, domains: int) -> list[np.ndarray]:
    """Count the clusters, strata, and strata with a lone cluster that have an answer in each domain."""
    clusters, strata = influence.parts
    lone = strata._replace(answered=strata.answered * design.clusters.is_lone[strata.group, None])
    parts = (clusters, strata, lone)
    return [_by_domain(part.domain, np.ones(len(part.domain)), domains) @ part.answered for part in parts]


def _met(
    sums: np.ndarray, answered: np.ndarray, group: np.ndarray, domain: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sum rows that share group and domain: the first four columns of a part."""
    width = domain.max(initial=0) + 1
    keys, meeting = np.unique(group * width + domain, return_inverse=True)
    adder = _sums(meeting, np.ones(len(meeting)))
    found = (adder @ answered.astype(float) > 0).astype(float)
    return adder @ sums, found, keys // width, keys % width


def _sums(group: np.ndarray, weight: np.ndarray) -> sparse.csr_array:
    """Make the matrix that sums weighted rows by group."""
    shape = (group.max(initial=-1) + 1, len(group))
    return sparse.csr_array((weight, (group, np.arange(len(group)))), shape=shape)


def _by_domain(
    domain: np.ndarray, weight: np.ndarray, domains: int, columns: sparse.csr_array | None = None
) -> sparse.csr_array:
    """Make the matrix that sums weighted rows by domain, or by domain and column times its value."""
    rows = sparse.coo_array(np.ones((len(domain), 1)) if columns is None else columns)
    place = domain[rows.row] * rows.shape[1] + rows.col
    shape = (domains * rows.shape[1], len(domain))
    return sparse.csr_array((rows.data * weight[rows.row], (place, rows.row)), shape=shape)


def _student_interval(found: _Estimates, level: float) -> tuple[np.ndarray, np.ndarray]:
    half = _student(found.degrees, level) * np.sqrt(np.where(found.variance > 0, found.variance, np.nan))
    return found.estimate - half, found.estimate + half


def _proportion_interval(found: _Estimates, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Logit interval; where the variance is nil, Korn and Graubard's."""
    share, quantile, tail = found.estimate, _student(found.degrees, level), (1 - level) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        half = quantile * np.sqrt(found.variance) / (share * (1 - share))
        size = found.kish * (_student(found.respondents - 1, level) / quantile) ** 2
        size = np.minimum(size, found.respondents)
        lower = np.where(share == 0, 0, stats.beta.ppf(tail, size * share, size * (1 - share) + 1))
        upper = np.where(share == 1, 1, stats.beta.ppf(1 - tail, size * share + 1, size * (1 - share)))
        bounds = special.expit(special.logit(share) - half), special.expit(special.logit(share) + half)
    nil = found.variance == 0
    return np.where(nil, lower, bounds[0]), np.where(nil, upper, bounds[1])


def _student(degrees: np.ndarray, level: float) -> np.ndarray:
    return stats.t.ppf((1 + level) / 2, np.where(degrees >= 1, degrees, np.nan))


def _tidy(
    found: _Estimates, interval: tuple[np.ndarray, np.ndarray], domains: Domains, questions: pd.Index
) -> pd.DataFrame:
    """Lay the arrays out as one row for each domain and question."""
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = np.where(found.variance > 0, found.variance / found.simple, np.nan)
    columns = {
        "estimate": found.estimate,
        "standard_error": np.sqrt(found.variance),
        "lower": interval[0],
        "upper": interval[1],
        "respondents": found.respondents.astype(int),
        "effective_respondents": np.where(effect > 0, found.respondents / effect, found.kish),
        "design_effect": effect,
        "degrees_of_freedom": found.degrees,
        "lone_strata": found.lone.astype(int),
    }
    columns = {name: array.ravel() for name, array in columns.items()}
    return pd.concat([_named(domains, questions), pd.DataFrame(columns)], axis=1)


def _named(domains: Domains, questions: pd.Index) -> pd.DataFrame:
    """Give the domain and question of each row."""
    flat = domains.names.nlevels == 1
    names = domains.names.to_frame(index=False, name="domain" if flat else list(domains.names.names))
    rows = names.loc[names.index.repeat(len(questions))].reset_index(drop=True)
    return rows.assign(question=np.tile(questions, len(names)))


def _values(design: Design, values: pd.DataFrame, domains: Domains) -> np.ndarray:
    """Check that the rows are the people of the design, and give the values as floats."""
    for name, rows in {"table of answers": len(values), "table of domains": domains.members.shape[0]}.items():
        same_length(rows, len(design.weight), name)
    return values.to_numpy(dtype=float, na_value=np.nan)
