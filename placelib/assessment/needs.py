"""The need index: every indicator against England, combined by domain, with confidence sets for the ranks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from placelib.errors import PlacelibError
from placelib.measures.indicators import rate_interval, too_few
from placelib.sources.terms import Vocabulary

RANK_CONFIDENCE = 0.90
FAMILY_CONFIDENCE = 0.95
DRAWS = 4_000
SEED = 20_261
MOST_WARDS_MISSING = 0.25
WORST = 5
LEAST_GAP = 0.05


@dataclass(frozen=True, eq=False)
class Standing:
    """Where each ward stands on each indicator, before anything is weighed.

    Parameters
    ----------
    ratio : DataFrame, wards by indicators
        Logarithm of the ratio to the reference, turned so that higher is worse. No cell is missing.
    value, error : DataFrame, wards by indicators
        The values behind the ratios, in the indicators' units, and their standard errors.
    domain : Series
        Domain of each indicator.
    reference : str
        England, or the place as a whole.
    """

    ratio: pd.DataFrame
    value: pd.DataFrame
    error: pd.DataFrame
    domain: pd.Series
    reference: str

    @property
    def domains(self) -> pd.DataFrame:
        """Mean of each domain's indicators, by ward."""
        return self.ratio.T.groupby(self.domain, sort=False).mean().T


def standing(table: pd.DataFrame, vocabulary: Vocabulary) -> Standing:
    """Set every indicator of the index against the reference.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, unrounded, comparators included.
    vocabulary : Vocabulary
        Which indicators are in the index, and which way is worse.

    Returns
    -------
    Standing
        Missing and suppressed inputs are filled by the named rules of `need_index`.
    """
    indicators = vocabulary.indicators.query("in_index == 'yes'").set_index("indicator_id")
    wards = table[(table["area_type"] == "ward") & table["indicator_id"].isin(indicators.index)]
    wards = wards[wards["standard_error"].notna() | wards["release_class"].ne("survey")]
    value, error = _filled(*_wide(wards), table)
    indicators = indicators.loc[indicators.index.isin(value.columns)]  # in the vocabulary's order
    value, error = value[indicators.index], error[indicators.index]
    reference, name = _reference(table, value)
    sign = np.where(indicators["direction"] == "higher is worse", 1.0, -1.0)
    return Standing(sign * np.log(value / reference), value, error, indicators["domain_id"], name)


def domain_weights(vocabulary: Vocabulary, own: Mapping[str, float]) -> pd.Series:
    """Weights by domain: the vocabulary's, with those in their place that a partnership or partner sets."""
    weights = vocabulary.domains.set_index("domain_id")["weight"].astype(float)
    return pd.Series({**weights, **own})


def coefficients(domain: pd.Series, weights: pd.Series) -> pd.Series:
    """Weight of each indicator in the index: its domain's, shared equally among those present; 1 in all.

    Parameters
    ----------
    domain : Series
        Domain of each indicator.
    weights : Series
        By domain; only their ratios matter.

    Raises
    ------
    PlacelibError
        If no domain that has a weight has an indicator that is known in three wards of four.

    Examples
    --------
    >>> domain = pd.Series({"burglary": "safety", "violence": "safety", "claimants": "work"})
    >>> coefficients(domain, pd.Series({"safety": 0.2, "work": 0.3, "homes": 0.5})).tolist()
    [0.2, 0.2, 0.6]
    """
    share = domain.map(weights).astype(float) / domain.groupby(domain).transform("size")
    if not share.sum() > 0:
        raise PlacelibError("No indicator known in three wards of four is in a weighted domain: see index weights.")
    return share / share.sum()


def need_index(
    table: pd.DataFrame, covariance: pd.DataFrame, vocabulary: Vocabulary, *, weights: Mapping[str, float] = {}
) -> pd.DataFrame:
    """Score and rank the wards by need, each rank with the range that sampling and chance allow.

    Each indicator enters as the logarithm of its ratio to England (to the place as a whole where any indicator has
    no English figure), turned so that higher is worse. A domain is the mean of its indicators, the index the
    weighted mean of its domains; scores leave as 100 × exp, so that 100 is the level of the reference and 150 half
    as much need again. Geometric means are used because one very busy ward would rule an arithmetic one.

    Named rules: an indicator without a value in more than a quarter of wards is left out; in fewer, the ward takes
    the place's value, with the spread of the other wards as its error; a ward with a suppressed part takes the middle
    of its bounds, their spread counting as error; a value under half an event or half a respondent counts as that
    half (under half of the least published rate where there are no counts); a self-selected survey is left out; an
    agency's count too small to show takes the middle of what may not be shown, so that no score gives it away. A rate
    that came without its counts adds no error: ranks are then a little less sure than they say.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, unrounded, comparators included.
    covariance : DataFrame
        Joint sampling covariance of the survey's ward estimates, by (ward, indicator).
    vocabulary : Vocabulary
        Direction, domain and weight of each indicator.
    weights : mapping of str to float
        Domain weights of this partnership in place of the vocabulary's.

    Returns
    -------
    DataFrame
        ward_code, score, rank (1 is the greatest need), rank_lower and rank_upper (90% joint confidence sets),
        a score a domain, indicators_used, reference, sure (said only in places with more than ten wards).
    """
    at = standing(table, vocabulary)
    coefficient = coefficients(at.domain, domain_weights(vocabulary, weights))
    score = at.ratio @ coefficient
    result = (100 * np.exp(at.domains)).add_suffix("_score")
    result.insert(0, "score", 100 * np.exp(score))
    sets = rank_sets(score, score_covariance(at, covariance, coefficient))
    result = result.join(sets).rename_axis("ward_code").reset_index()
    sure = [result["rank_upper"] <= WORST, result["rank_lower"] > len(result) - WORST]
    words = ["among the five with greatest need", "among the five with least need"]
    result["sure"] = np.select(sure, words, "") if len(result) > 2 * WORST else ""
    return result.assign(indicators_used=len(at.domain), reference=at.reference)


def rank_sets(score: pd.Series, covariance: np.ndarray, level: float = RANK_CONFIDENCE) -> pd.DataFrame:
    """Rank with a set for each, which together hold every true rank with the stated confidence.

    One area is surely above another when their difference exceeds the critical value of the largest studentised
    difference; then the critical value is taken again over the pairs that are left, until no more are told apart. An
    area's rank lies between the number surely above it and the number surely below.

    Parameters
    ----------
    score : Series
        Estimates by area, higher is rank 1.
    covariance : array, shape (areas, areas)
        Joint error of the scores.
    level : float
        Joint confidence.

    Returns
    -------
    DataFrame
        rank, rank_lower, rank_upper, by area.

    References
    ----------
    Mogstad, Romano, Shaikh and Wilhelm (2024), "Inference for ranks with applications to mobility across
    neighbourhoods and academic achievement across countries", Review of Economic Studies 91 (the stepwise sets);
    Klein, Wright and Wieczorek (2020), "A joint confidence region for an overall ranking of populations", JRSS C 69.

    Examples
    --------
    >>> rank_sets(pd.Series({"A": 9.0, "B": 1.0, "C": 1.1}), np.eye(3) * 0.01).to_numpy().tolist()
    [[1, 1, 1], [3, 2, 3], [2, 2, 3]]
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    spread = np.linalg.norm(root[:, None] - root, axis=2)  # of each difference; exactly nought for the same error
    draws = np.random.default_rng(SEED).standard_normal((DRAWS, len(score))) @ root.T
    with np.errstate(divide="ignore", invalid="ignore"):
        studentised = np.nan_to_num((draws[:, :, None] - draws[:, None, :]) / spread)
    gap = score.to_numpy()[:, None] - score.to_numpy()
    above, found = np.zeros(gap.shape, dtype=bool), True
    while found:  # both ways about, so that ranks turned round have the same sets turned round
        largest = [studentised[:, pairs].max(axis=1) for pairs in (~above, ~above.T)]
        critical = np.quantile(np.concatenate(largest), level)
        surely = gap > critical * spread
        above, found = surely, (surely & ~above).any()
    sets = {"rank_lower": 1 + above.sum(axis=0), "rank_upper": len(score) - above.sum(axis=1)}
    return pd.DataFrame({"rank": score.rank(ascending=False, method="min").astype(int)} | sets, score.index)


def _wide(wards: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Value and error by ward and indicator; a bound counts as its middle."""
    middle = (wards["lower"] + wards["upper"]) / 2
    base = wards["denominator"].fillna(wards["respondents"]) * wards["years"]
    value = wards["value"].fillna(middle.where(wards["status"] == "suppressed"))
    small = wards["numerator"].fillna(0).between(0, wards["threshold"].fillna(0), inclusive="neither")
    small &= wards["release_class"].isin(["administrative", "commercial"])
    unit = wards["per"] / base
    value = value.mask(small, unit * wards["threshold"] / 2)
    error = wards["standard_error"].mask(small, unit * wards["threshold"] / np.sqrt(12))
    least = value.where(value > 0).groupby(wards["indicator_id"]).transform("min") / 2
    value = np.maximum(value, (0.5 * unit).fillna(least).fillna(0))
    keyed = wards.assign(value=value, standard_error=error).drop_duplicates(["area_code", "indicator_id"])
    wide = keyed.pivot(index="area_code", columns="indicator_id", values=["value", "standard_error"])
    return wide["value"].astype(float), wide["standard_error"].astype(float).fillna(0.0)


def _filled(value: pd.DataFrame, error: pd.DataFrame, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    value = value.loc[:, (value.isna().mean() <= MOST_WARDS_MISSING) & (value > 0).any()]
    neutral = values_of(table).reindex(value.columns).fillna(value.mean())
    return value.fillna(neutral), error[value.columns].mask(value.isna(), value.std(), axis=1)


def values_of(table: pd.DataFrame, area_type: str = "place") -> pd.Series:
    """Value of each indicator for everyone in the place as a whole, or in England."""
    rows = table[(table["area_type"] == area_type) & (table["characteristic"] == "all")]
    return rows.drop_duplicates("indicator_id").set_index("indicator_id")["value"].astype(float)


def _reference(table: pd.DataFrame, value: pd.DataFrame) -> tuple[pd.Series, str]:
    england, place = (values_of(table, area).reindex(value.columns) for area in ("england", "place"))
    if (england > 0).all():
        return england, "England"
    return place.where(place > 0, value.mean()), "the place as a whole"  # nothing is a multiple of nought


def score_covariance(at: Standing, covariance: pd.DataFrame, coefficient: pd.Series) -> np.ndarray:
    """Give the joint error of scores by the delta method: joint for the survey, each cell its own for counts.

    Parameters
    ----------
    at : Standing
        From `standing`.
    covariance : DataFrame
        Joint sampling covariance of the survey's ward estimates, by (ward, indicator).
    coefficient : Series
        Weight of each indicator in the score.

    Returns
    -------
    array, shape (wards, wards)
    """
    keys = pd.MultiIndex.from_product([at.value.index, at.value.columns])
    joint = covariance.reindex(index=keys, columns=keys).to_numpy(dtype=float)
    own = np.where(np.isnan(np.diag(joint)), at.error.to_numpy().ravel() ** 2, 0.0)
    slope = (coefficient / at.value).to_numpy().ravel()
    joint = (np.nan_to_num(joint) + np.diag(own)) * np.outer(slope, slope)
    wards, indicators = at.value.shape
    return joint.reshape(wards, indicators, wards, indicators).sum(axis=(1, 3))


def comparisons(table: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """Compare the place with England and each named neighbour, indicator by indicator, as differences.

    All comparisons of one edition form one testing family: the limits are Bonferroni's, so that in 95 of 100 editions
    no difference is claimed where there is none. A gap of less than a twentieth is no difference, however certain.
    Limits of a count are not even about it, so those of a difference are made from both sides' own (Zou and Donner,
    "Construction of confidence limits about effect measures", Statistics in Medicine 27, 2008).

    Parameters
    ----------
    table : DataFrame
        The shared indicator table with comparator rows.
    vocabulary : Vocabulary
        For the direction.

    Returns
    -------
    DataFrame
        indicator_id, comparator, comparator_type, value, comparator_value, difference, lower, upper, ratio, verdict.
        Made-up figures are compared with made-up ones only. Nothing is rounded.
    """
    named = {"area_name": "comparator", "area_type": "comparator_type", "value": "comparator_value"}
    both = ["indicator_id", "illustrative"]
    own = ["numerator", "denominator", "years", "per", "measure", "unit", "survey"]
    others = table[table["area_type"].isin(["england", "region", "neighbour"])].rename(columns=named)
    mine = table[(table["area_type"] == "place") & (table["characteristic"] == "all")]
    mine = mine[mine["release_class"].isin(["open", "survey"]) | ~too_few(mine)]
    mine = mine.assign(survey=mine["release_class"] == "survey")[[*both, "value", "standard_error", *own]]
    others = others[[*both, *named.values(), "standard_error"]]
    pairs = mine.merge(others, on=both, suffixes=("", "_other")).dropna(subset="value")
    numbers = ["value", "comparator_value", "standard_error", "standard_error_other"]
    pairs[numbers] = pairs[numbers].astype(float)
    difference, ratio = pairs["value"] - pairs["comparator_value"], pairs["value"] / pairs["comparator_value"]
    below, above = _margins(pairs, tail=(1 - FAMILY_CONFIDENCE) / 2 / max(len(pairs), 1))
    limits = {"lower": difference - below, "upper": difference + above}
    clear = ((ratio - 1).abs() >= LEAST_GAP) & ((limits["lower"] > 0) | (limits["upper"] < 0))
    up = pairs["indicator_id"].map(vocabulary.indicators.set_index("indicator_id")["direction"]).eq("higher is worse")
    verdict = np.select([clear & ((difference > 0) == up), clear], ["worse", "better"], "no clear difference")
    return pairs.assign(difference=difference, ratio=ratio, **limits, verdict=verdict)


def _margins(pairs: pd.DataFrame, *, tail: float) -> list[pd.Series]:
    """How far each difference may be too high, and too low: what counts allow, or the errors of a survey."""
    critical, counted = stats.norm.isf(tail), (pairs["standard_error"] > 0) & ~pairs["survey"]
    count, people = (pairs[name].where(counted) for name in ("numerator", "denominator"))
    share = pairs["measure"].eq("proportion")
    ends = rate_interval(count, people * pairs["years"], per=pairs["per"], proportion=share, level=1 - 2 * tail)
    own = [(end - pairs["value"]).abs().fillna(critical * pairs["standard_error"]) for end in ends]
    return [np.hypot(each, critical * pairs["standard_error_other"].fillna(0)) for each in own]
