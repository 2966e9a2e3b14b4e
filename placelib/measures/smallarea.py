"""Small areas: survey numbers for wards that borrow strength from the place (Fay and Herriot's model).

A ward's own (direct) number from few respondents is honest but rough. The model draws it towards what wards of its
kind show, the further the rougher it is. What comes out is marked modelled, says how far it was moved, and is for
seeing the pattern: never ranked alone, never trended, never used to judge what a service has done.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from placelib.errors import PlacelibError, some

MOST_COVARIATES = 2  # about 20 wards tell the slopes of no more
FEWEST_SPARE_AREAS = 10  # areas less coefficients: below, the variance between areas is a guess

REML = "REML"
ADJUSTED = "adjusted REML, as REML found no variance between areas"


@dataclass(frozen=True, eq=False)
class SmallAreas:
    """Direct estimates of areas drawn together by a model.

    Parameters
    ----------
    areas : DataFrame
        A row an area: value (the prediction), standard_error (root of its mean squared error), lower, upper, direct,
        direct_weight (1: all from the area itself; 0: all from the model), moved (value less direct), basis
        ("modelled", or "direct" where the number was kept) and rule (how the number came about).
    coefficients : Series
        Of the covariates and the constant.
    model_variance : float
        Of the areas about the regression, squared units of the estimates.
    variance_rule : str
        `REML`, or `ADJUSTED`.
    """

    areas: pd.DataFrame
    coefficients: pd.Series
    model_variance: float
    variance_rule: str


def fay_herriot(
    estimate: pd.Series, error_variance: pd.Series, covariates: pd.DataFrame, *, level: float = 0.95
) -> SmallAreas:
    """Predict the means of small areas by Fay and Herriot's model, fitted by REML.

    Direct estimates y have known sampling variances D about the truth, and the truth has variance A about a
    regression x'b. With V = A + D and g = A / V the prediction is ``x'b + g (y - x'b)`` and its mean squared error,
    right to second order for REML (Prasad and Rao; Datta and Lahiri), is ``g D + (1 - g)² x'(sum x x'/V)⁻¹ x +
    2 (1 - g)² v / V``, where ``v = 2 / sum V⁻²`` is the variance of the estimated A.

    Named rules. *No sampling variance* (D = 0): the direct number is kept and takes no part in the fit. *No direct
    number* (missing, or D missing or infinite): the regression alone, with A in its error. *REML finds no variance
    between areas* (A = 0), which with 20 areas is often chance, and would throw every ward's own number away behind
    intervals that are too short: A is Li and Lahiri's instead, the maximum of A times the REML likelihood, as in
    Rubin-Bleuer and You's mix of the two; `variance_rule` says so.

    Parameters
    ----------
    estimate : Series
        Direct estimates by area, on a scale where errors are about normal. NaN where there is none.
    error_variance : Series
        Their sampling variances, smoothed (see `smoothed_variance`), for the same areas.
    covariates : DataFrame
        Known without error, and in no index that the result enters. At most two columns (none is allowed); one of
        strings or categories counts once. Aligned by area, which may come in any order.
    level : float
        Of the normal intervals.

    Returns
    -------
    SmallAreas
        In the unit of the estimates.

    Raises
    ------
    PlacelibError
        For more than two covariates, one that is missing or repeats another, a negative variance, or fewer than ten
        areas to spare over the coefficients, naming what is at fault.

    References
    ----------
    Fay and Herriot (1979), JASA 74; Prasad and Rao (1990), JASA 85; Datta and Lahiri (2000), Statistica Sinica 10;
    Li and Lahiri (2010), Journal of Multivariate Analysis 101; Rubin-Bleuer and You (2016), Survey Methodology 42.

    Examples
    --------
    >>> direct = pd.Series([0.2, 0.4] * 6)
    >>> found = fay_herriot(direct, pd.Series(0.01, direct.index), pd.DataFrame(index=direct.index))
    >>> found.areas.loc[0, ["value", "direct_weight", "moved"]].round(3).tolist()
    [0.292, 0.083, 0.092]
    """
    direct, known = estimate.to_numpy(dtype=float), error_variance.reindex(estimate.index).to_numpy(dtype=float)
    if (known < 0).any():
        raise PlacelibError(f"Sampling variances are negative for {some(estimate.index[known < 0])}.")
    design = _design(covariates, estimate.index)
    sampling = np.where(np.isnan(direct + known), np.inf, known)
    used = np.isfinite(sampling) & (sampling > 0)
    if used.sum() - design.shape[1] < FEWEST_SPARE_AREAS:
        raise PlacelibError(
            f"{used.sum()} areas with a direct number and a sampling variance are too few for {design.shape[1]} "
            f"coefficients: there must be {FEWEST_SPARE_AREAS} more. Use fewer covariates, or the direct numbers."
        )
    variance, rule = _model_variance(direct[used], sampling[used], design.to_numpy()[used])
    precision = np.where(used, 1 / (variance + sampling), 0)
    spread = np.linalg.inv((design.T * precision) @ design)
    slopes = spread @ design.T.to_numpy() @ (precision * np.where(used, direct, 0))
    regression, own = design.to_numpy() @ slopes, variance / (variance + sampling)
    leverage = np.einsum("ij,jk,ik->i", design, spread, design) + 4 / (variance + sampling) / np.sum(precision**2)
    error = np.sqrt(variance * (1 - own) + (1 - own) ** 2 * leverage)
    value = regression + own * np.where(own > 0, direct - regression, 0)
    half = stats.norm.ppf((1 + level) / 2) * error
    columns = {"value": value, "standard_error": error, "lower": value - half, "upper": value + half, "direct": direct}
    areas = pd.DataFrame(columns | {"direct_weight": own, "moved": value - direct}, index=estimate.index)
    areas["basis"] = np.where(own == 1, "direct", "modelled")
    areas["rule"] = np.select([own == 1, own == 0], ["kept: no sampling error", "no direct number: regression"], rule)
    return SmallAreas(areas, pd.Series(slopes, design.columns), variance, rule)


def smoothed_variance(respondents: pd.Series, design_effect: pd.Series) -> pd.Series:
    """Give each area's arcsine proportion its sampling variance from one common design effect.

    An area's own estimated variance is too rough to weigh it by, and nil where everybody agrees. The variance
    function is ``deff / (4 n)``, the variance of asin(sqrt(p)) from n / deff people whatever p may be, with deff the
    mean of the areas' design effects, weighted by their respondents.

    Parameters
    ----------
    respondents, design_effect : Series
        By area, as `survey.proportions` gives them. NaN design effects (everybody agrees, one cluster) are left out
        of the mean, those areas receiving it all the same.

    Returns
    -------
    Series
        Infinite for an area without respondents.

    Raises
    ------
    PlacelibError
        If no area has a design effect.

    References
    ----------
    Wolter (2007), Introduction to Variance Estimation, chapter 7; Casas-Cordero, Encina and Lahiri (2016), in
    Analysis of Poverty Data by Small Area Estimation, chapter 20.

    Examples
    --------
    >>> smoothed_variance(pd.Series([100, 50, 0]), pd.Series([1.4, 2.0, np.nan])).tolist()
    [0.004, 0.008, inf]
    """
    known = design_effect.notna() & (respondents > 0)
    if not known.any():
        raise PlacelibError("No area has a design effect, so sampling variances cannot be smoothed: use no model.")
    common = np.average(design_effect[known].astype(float), weights=respondents[known])
    return (common / (4 * respondents.where(respondents > 0).astype(float))).fillna(np.inf)


def modelled_proportions(
    direct: pd.DataFrame, covariates: pd.DataFrame, *, population: pd.Series, place: float, level: float = 0.95
) -> SmallAreas:
    """Model the proportions of small areas so that they agree with the place's own direct estimate.

    The model (`fay_herriot`) works on asin(sqrt(p)). There the sampling variance does not depend on the unknown
    proportion, and 0% and 100% in a small sample stay ordinary numbers; on the logit scale they are infinite and
    the variances hang on the very proportions in doubt. A prediction t with conditional variance s returns as its
    mean ``(1 - exp(-2 s) cos 2t) / 2`` rather than sin² t, which bends; limits return as sin².

    Then all wards and their limits move by one amount on the logit scale (the logit shift) such that their
    population-weighted mean is the place's direct estimate. Unlike multiplying, this keeps every number within 0%
    and 100%, and gives "no" exactly the rest of "yes". The interval leaves out the place's own sampling error.

    Parameters
    ----------
    direct : DataFrame
        A row an area: estimate (share of 1), respondents, design_effect, as `survey.proportions` gives them.
    covariates : DataFrame
        See `fay_herriot`.
    population : Series
        The people whom each area's proportion is of.
    place : float
        Direct estimate of the whole place, between 0 and 1 and neither of them.
    level : float
        Of the intervals.

    Returns
    -------
    SmallAreas
        areas in shares of 1, other parts on the arcsine scale.

    Raises
    ------
    PlacelibError
        As `fay_herriot` and `smoothed_variance`; for a place at 0 or 1, and areas without a population, named.

    References
    ----------
    Casas-Cordero, Encina and Lahiri (2016) as above; Hadam, Würz and Kreutzmann (2020), on the mean of the
    back-transformed prediction; Rosenman, McCartan and Olivella (2023), Political Analysis 31, on the logit shift.
    """
    people = population.reindex(direct.index).astype(float)
    if not (people > 0).all():
        raise PlacelibError(f"There is no population for {some(direct.index[~(people > 0)])}.")
    if not 0 < place < 1:
        raise PlacelibError(f"A place's proportion of {place} leaves nothing to model: show the direct numbers.")
    estimate = direct["estimate"].astype(float)
    variance = smoothed_variance(direct["respondents"], direct["design_effect"])
    model = fay_herriot(np.arcsin(np.sqrt(estimate)), variance, covariates, level=level)
    areas = model.areas
    centre, low, high = (areas[name].clip(0, np.pi / 2) for name in ("value", "lower", "upper"))
    conditional = model.model_variance * (1 - areas["direct_weight"])
    raw = (1 - np.exp(-2 * conditional) * np.cos(2 * centre)) / 2
    shift = _logit_shift(raw, people / people.sum(), place)
    value, lower, upper = (_shifted(share, shift) for share in (raw, np.sin(low) ** 2, np.sin(high) ** 2))
    squared = areas["standard_error"] ** 2  # the exact variance of sin² of a normal number
    bend = np.exp(-8 * squared) * np.cos(4 * centre) - 2 * np.exp(-4 * squared) * np.cos(2 * centre) ** 2
    stretch = value * (1 - value) / (raw * (1 - raw))
    moved = areas.assign(value=value, lower=lower, upper=upper, direct=estimate, moved=value - estimate)
    return replace(model, areas=moved.assign(standard_error=np.sqrt((1 + bend) / 8) * stretch))


def _design(covariates: pd.DataFrame, areas: pd.Index) -> pd.DataFrame:
    """Give the model matrix, constant first, in the order of the areas."""
    if covariates.shape[1] > MOST_COVARIATES:
        raise PlacelibError(
            f"{covariates.shape[1]} covariates are too many for so few areas: name at most {MOST_COVARIATES} of "
            f"{some(covariates.columns)}."
        )
    aligned = covariates.reindex(areas)
    if (missing := aligned.isna().any(axis=1)).any():
        raise PlacelibError(f"A covariate is missing for {some(areas[missing])}.")
    design = pd.get_dummies(aligned, drop_first=True).astype(float) if aligned.shape[1] else aligned
    design.insert(0, "constant", 1.0)
    scaled = design / np.abs(design).max().replace(0, 1)
    if np.linalg.matrix_rank(scaled) < design.shape[1]:
        raise PlacelibError(f"Covariates repeat one another or do not vary: look at {some(covariates.columns)}.")
    return design


def _model_variance(direct: np.ndarray, sampling: np.ndarray, design: np.ndarray) -> tuple[float, str]:
    """Solve the REML score equation for the variance between areas, adjusted if that is nil; name the rule."""
    data = direct, sampling, design
    rule, lowest = (REML, 0.0) if _score(0.0, *data) > 0 else (ADJUSTED, 1e-9 * sampling.min())
    highest = 9 * sampling.max() + np.sum((direct - direct.mean()) ** 2)  # where either score is negative
    exact = {"xtol": 1e-14 * sampling.min(), "rtol": 1e-14}
    return optimize.brentq(_score, lowest, highest, args=(*data, rule == ADJUSTED), **exact), rule


def _score(
    variance: float, direct: np.ndarray, sampling: np.ndarray, design: np.ndarray, adjusted: bool = False
) -> float:
    """Give the slope of the REML log-likelihood at a variance between areas, adjusted by the log of the variance."""
    weighted = design / (variance + sampling)[:, None]
    project = np.diag(1 / (variance + sampling)) - weighted @ np.linalg.solve(design.T @ weighted, weighted.T)
    slope = (np.sum((project @ direct) ** 2) - np.trace(project)) / 2
    return slope + 1 / variance if adjusted else slope


def _shifted(share: pd.Series, shift: float) -> pd.Series:
    return pd.Series(special.expit(special.logit(share.to_numpy()) + shift), share.index)


def _logit_shift(share: pd.Series, weight: pd.Series, target: float) -> float:
    """Find the shift on the logit scale that brings the weighted mean to the target."""
    return optimize.brentq(lambda shift: weight @ _shifted(share, shift) - target, -50, 50, xtol=1e-14)
